/**
 * A NetSocket over Node's. Input comes by one of two ways, which behave alike: the kernel fills the sink's own memory
 * (`onread`), or Node's chunks are copied there.
 */
import type { OnReadOpts, Socket } from 'node:net';
import { assert } from '../kernel/assert.ts';
import type { Clock, NetSocket, SocketSink } from '../kernel/env.ts';

/** How long `end` waits, once everything is sent, for the peer to close too. */
const LINGER_MS = 2000;

/** Where a first read goes when the sink is not known yet; used up within the turn, so all sockets share it. */
let sharedFirst: Buffer | undefined;
const FIRST_BYTES = 16 << 10;

/** The two halves of a socket that is filled by the kernel: `onread` for Node, and the intake that it feeds. */
export function onReadIntake(): { onread: OnReadOpts; intake: Intake } {
  const intake = new Intake();
  return { onread: { buffer: () => intake.next(), callback: (byteCount) => intake.arrived(byteCount) }, intake };
}

/** For a socket without `onread`: its chunks are copied. */
function copyingIntake(socket: Socket): Intake {
  const intake = new Intake();
  socket.pause();
  socket.on('data', (chunk: Buffer) => intake.copy(chunk));
  return intake;
}

/** Takes what the socket reads to the sink. */
export class Intake {
  #sink: SocketSink | undefined;
  #target: Uint8Array = Buffer.alloc(0);
  #isSinkMemory = false;
  #onThrow: (error: unknown) => void = () => undefined;

  start(sink: SocketSink, onThrow: (error: unknown) => void): void {
    this.#sink = sink;
    this.#onThrow = onThrow;
  }

  /** What comes from now on is not wanted. */
  drop(): void {
    this.#sink = undefined;
  }

  /** The memory that the next read fills; Node asks once at first and again after each `arrived`. */
  next(): Uint8Array {
    this.#isSinkMemory = this.#sink !== undefined;
    sharedFirst ??= Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.#target = this.#sink === undefined ? sharedFirst : this.#sink.target();
    return this.#target;
  }

  arrived(byteCount: number): boolean {
    if (this.#isSinkMemory) this.#guard(() => this.#sink?.received(byteCount));
    else this.copy(this.#target.subarray(0, byteCount));
    return true;
  }

  /** Copies a chunk to where the sink wants it. */
  copy(chunk: Uint8Array): void {
    this.#guard(() => {
      for (let position = 0; position < chunk.length && this.#sink !== undefined; ) {
        const target = this.#sink.target();
        const part = chunk.subarray(position, position + target.length);
        target.set(part);
        position += part.length;
        this.#sink.received(part.length);
      }
    });
  }

  /** An error of the sink ends the connection, not the process's reading of other connections. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#sink = undefined;
      this.#onThrow(error);
    }
  }
}

export class NodeSocket implements NetSocket {
  readonly remote: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #intake: Intake;
  #sink: SocketSink | undefined;
  #hasEnded = false;
  #error: Error | undefined;
  #isEnding = false;
  #isPaused = false;

  /** `socket` is connected and not reading yet; `intake` is the one that its `onread` feeds, undefined when it has none. */
  constructor(socket: Socket, intake: Intake | undefined, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#intake = intake ?? copyingIntake(socket);
    this.remote = remoteName(socket);
    socket.setNoDelay(true);
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    // Node resumes in two steps; a `pause` between them is undone by the second.
    socket.on('resume', () => {
      if (this.#isPaused) socket.pause();
    });
    socket.on('end', () => this.#end(undefined));
    socket.on('close', () => this.#end(this.#error));
  }

  start(sink: SocketSink): void {
    assert(this.#sink === undefined, 'a socket is started once');
    this.#sink = sink;
    this.#intake.start(sink, (error) => this.#fail(error));
    if (this.#socket.destroyed) process.nextTick(() => this.#end(this.#error));
    else if (!this.#isPaused) this.#socket.resume();
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  write(buffers: readonly Uint8Array[], done?: () => void): void {
    const socket = this.#socket;
    if (this.#isEnding || socket.destroyed || !socket.writable) {
      if (done !== undefined) process.nextTick(done);
      return;
    }
    const last = buffers.length - 1;
    assert(last >= 0, 'a write has at least one buffer');
    socket.cork();
    for (let index = 0; index < last; index += 1) socket.write(buffers[index] as Uint8Array);
    socket.write(buffers[last] as Uint8Array, done === undefined ? undefined : () => done());
    socket.uncork();
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#sink !== undefined) this.#socket.resume();
  }

  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const socket = this.#socket;
    // Closing with unread input would reset the connection and could take the last answers from the peer. So what still
    // comes is read and dropped until the peer has closed too.
    this.#intake.drop();
    this.#isPaused = false;
    socket.end(() => {
      const timer = this.#clock.timer(LINGER_MS, () => socket.destroy(), true);
      socket.once('close', () => timer.cancel());
    });
    socket.resume();
  }

  destroy(): void {
    this.#isEnding = true;
    this.#socket.destroy();
  }

  #fail(error: unknown): void {
    this.#error ??= error instanceof Error ? error : new Error(String(error));
    this.destroy();
  }

  #end(error: Error | undefined): void {
    if (this.#hasEnded || this.#sink === undefined) return;
    this.#hasEnded = true;
    this.#sink.ended(error);
  }
}

function remoteName(socket: Socket): string {
  if (socket.remoteAddress === undefined) return 'unix';
  const host = socket.remoteAddress.includes(':') ? `[${socket.remoteAddress}]` : socket.remoteAddress;
  return `${host}:${socket.remotePort}`;
}

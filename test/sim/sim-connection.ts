/**
 * A connection in memory: two sockets, and between them a pipe for each direction. A pipe holds only so much; what does
 * not fit stays with the writer as `pendingBytes`. Bytes arrive late and in pieces of any size.
 */
import type { NetSocket, SocketSink } from '../../src/kernel/env.ts';
import type { Prng } from './prng.ts';
import type { SimProcess } from './sim-process.ts';
import { systemError } from './system-error.ts';

/** Usual and worst milliseconds that bytes need from one end to the other. */
const TRANSIT_MS = [0.05, 40] as const;
const SMALL_PIECES = 0.05;
/** How long a socket that was ended waits for the peer to close too. */
const LINGER_MS = 2000;

export interface SimConnection {
  readonly client: SimSocket;
  readonly server: SimSocket;
  /** Cuts it: both ends see the error. */
  break(code: 'ECONNRESET' | 'ETIMEDOUT'): void;
  onGone(action: () => void): void;
}

export function connectPair(from: SimProcess, to: SimProcess, isUnix: boolean, chance: Prng): SimConnection {
  const capacityBytes = chance.pick([4096, 65536, 65536, 262144]);
  const up = new Pipe(chance, capacityBytes);
  const down = new Pipe(chance, capacityBytes);
  const port = chance.between(40000, 60000);
  const client = new SimSocket(from, down, up, isUnix ? 'unix' : '127.0.0.1:9092');
  const server = new SimSocket(to, up, down, isUnix ? 'unix' : `127.0.0.1:${port}`);
  up.join(client, server);
  down.join(server, client);
  return {
    client,
    server,
    break: (code) => {
      client.cut(code);
      server.cut(code);
    },
    onGone: (action) => {
      client.onGone(action);
      server.onGone(action);
    },
  };
}

interface QueuedWrite {
  bytes: Uint8Array;
  readonly done: (() => void) | undefined;
}

/** One direction. */
class Pipe {
  readonly #chance: Prng;
  readonly #capacityBytes: number;
  #writer: SimSocket | undefined;
  #reader: SimSocket | undefined;
  readonly #outbox: QueuedWrite[] = [];
  #outboxBytes = 0;
  readonly #transit: Buffer[] = [];
  #transitBytes = 0;
  #endAsked = false;
  #isOver = false;
  #isMoving = false;
  #isArriving = false;

  constructor(chance: Prng, capacityBytes: number) {
    this.#chance = chance;
    this.#capacityBytes = capacityBytes;
  }

  join(writer: SimSocket, reader: SimSocket): void {
    this.#writer = writer;
    this.#reader = reader;
  }

  get outboxBytes(): number {
    return this.#outboxBytes;
  }

  get transitBytes(): number {
    return this.#transitBytes;
  }

  put(buffers: readonly Uint8Array[], done: (() => void) | undefined): void {
    const last = buffers.length - 1;
    buffers.forEach((bytes, index) => {
      this.#outbox.push({ bytes, done: index === last ? done : undefined });
      this.#outboxBytes += bytes.length;
    });
    this.#moveSoon();
  }

  /** The end follows what was put. */
  end(): void {
    this.#endAsked = true;
    this.#moveSoon();
  }

  /** Nothing more goes in; what the kernel took still arrives unless `loseTransit`. */
  close(loseTransit: boolean): void {
    const dropped = this.#outbox.splice(0);
    this.#outboxBytes = 0;
    for (const { done } of dropped) if (done !== undefined) this.#writer?.process.deliver('socket', done);
    if (loseTransit) {
      this.#transit.length = 0;
      this.#transitBytes = 0;
    }
    this.#endAsked = true;
    this.#moveSoon();
  }

  /** The reader wants more, or may want more. */
  arriveSoon(): void {
    if (this.#isArriving || this.#isOver) return;
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#isArriving = true;
    reader.process.world.after(this.#chance.latencyMs(...TRANSIT_MS), () => {
      reader.process.deliver('socket', () => {
        this.#isArriving = false;
        this.#arrive(reader);
      });
    });
  }

  #moveSoon(): void {
    if (this.#isMoving) return;
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#isMoving = true;
    writer.process.world.after(this.#chance.latencyMs(0.01, 1), () => {
      this.#isMoving = false;
      this.#move(writer);
    });
  }

  /** From the writer's memory into the kernel, as far as there is room. */
  #move(writer: SimSocket): void {
    for (
      let room = this.#capacityBytes - this.#transitBytes;
      room > 0;
      room = this.#capacityBytes - this.#transitBytes
    ) {
      const first = this.#outbox[0];
      if (first === undefined) break;
      const taken = first.bytes.subarray(0, room);
      this.#transit.push(Buffer.from(taken));
      this.#transitBytes += taken.length;
      this.#outboxBytes -= taken.length;
      if (taken.length < first.bytes.length) {
        first.bytes = first.bytes.subarray(room);
        break;
      }
      this.#outbox.shift();
      if (first.done !== undefined) writer.process.deliver('socket', first.done);
    }
    this.arriveSoon();
  }

  #arrive(reader: SimSocket): void {
    while (reader.wantsMore && this.#transitBytes > 0) {
      const piece = this.#chance.hits(SMALL_PIECES) ? this.#chance.between(1, 40) : this.#capacityBytes;
      const count = reader.take((target) => this.#fill(target.subarray(0, piece)));
      reader.process.note('received', count);
      if (piece !== this.#capacityBytes) break;
    }
    if (this.#outbox.length > 0) this.#moveSoon();
    if (!reader.wantsMore) return;
    if (this.#transitBytes > 0) this.arriveSoon();
    else if (this.#endAsked && this.#outbox.length === 0) {
      this.#isOver = true;
      reader.peerEnded();
    }
  }

  #fill(target: Uint8Array): number {
    let filled = 0;
    while (filled < target.length) {
      const first = this.#transit[0];
      if (first === undefined) break;
      const part = first.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      if (part.length < first.length) this.#transit[0] = first.subarray(part.length);
      else this.#transit.shift();
    }
    this.#transitBytes -= filled;
    return filled;
  }
}

export class SimSocket implements NetSocket {
  readonly process: SimProcess;
  readonly remote: string;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #sink: SocketSink | undefined;
  #isPaused = false;
  #isEnding = false;
  #isDestroyed = false;
  #hasEnded = false;
  #endedBeforeStart: { error: Error | undefined } | undefined;
  readonly #onGone: (() => void)[] = [];

  constructor(process: SimProcess, incoming: Pipe, outgoing: Pipe, remote: string) {
    this.process = process;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.remote = remote;
    process.own(this);
  }

  start(sink: SocketSink): void {
    if (this.#sink !== undefined) throw new Error('a socket is started once');
    this.#sink = sink;
    const early = this.#endedBeforeStart;
    if (early !== undefined)
      this.process.world.after(0, () => this.process.deliver('socket', () => this.#tell(early.error)));
    else this.#incoming.arriveSoon();
  }

  write(buffers: readonly Uint8Array[], done?: () => void): void {
    if (this.process.isDead) return;
    if (!this.#isEnding && !this.#isDestroyed) this.#outgoing.put(buffers, done);
    else if (done !== undefined) this.process.world.after(0, () => this.process.deliver('socket', done));
  }

  get pendingBytes(): number {
    return this.#outgoing.outboxBytes;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.process.isDead) this.#incoming.arriveSoon();
  }

  end(): void {
    if (this.#isEnding || this.#isDestroyed || this.process.isDead) return;
    this.process.note('ends connection');
    this.#isEnding = true;
    this.#isPaused = false;
    this.#outgoing.end();
    this.#incoming.arriveSoon();
    this.process.world.after(LINGER_MS, () => this.process.deliver('timer', () => this.destroy()));
  }

  destroy(): void {
    if (this.#isDestroyed || this.process.isDead) return;
    this.#leave();
    this.process.world.after(0, () => this.process.deliver('socket', () => this.#tell(undefined)));
  }

  // What follows is the kernel's side.

  /** Whether bytes, or the end, can be handed over now. */
  get wantsMore(): boolean {
    if (this.#hasEnded) return false;
    return this.#isEnding || this.#isDestroyed || (this.#sink !== undefined && !this.#isPaused);
  }

  /** Hands bytes to the sink; drops them when the socket is closing. */
  take(fill: (target: Uint8Array) => number): number {
    if (this.#isEnding || this.#isDestroyed || this.#sink === undefined) return fill(Buffer.alloc(65536));
    const count = fill(this.#sink.target());
    if (count === 0) throw new Error('a sink gave a target of no bytes');
    this.#sink.received(count);
    return count;
  }

  /** The peer's end arrived; Node then ends its own side too. */
  peerEnded(): void {
    this.#tell(undefined);
    this.#isEnding = true;
    this.#outgoing.end();
    this.#gone();
  }

  /** The connection is lost under both ends. */
  cut(code: 'ECONNRESET' | 'ETIMEDOUT' | 'EPIPE'): void {
    if (this.#isDestroyed) return;
    this.#leave();
    this.process.deliver('socket', () => this.#tell(systemError(code, 'read')));
  }

  /** The process died. The kernel sends what it had taken; with unread input it sends a reset instead. */
  abandon(): void {
    if (!this.#isDestroyed) this.#leave();
  }

  onGone(action: () => void): void {
    this.#onGone.push(action);
  }

  #leave(): void {
    this.process.note('leaves connection');
    const hadUnread = this.#incoming.transitBytes > 0;
    this.#isDestroyed = true;
    this.#outgoing.close(hadUnread);
    this.#gone();
  }

  #tell(error: Error | undefined): void {
    if (this.#hasEnded) return;
    if (this.#sink === undefined) {
      this.#endedBeforeStart ??= { error };
      return;
    }
    this.#hasEnded = true;
    this.process.note('connection ended', error?.message ?? '');
    this.#sink.ended(error);
  }

  #gone(): void {
    this.process.disown(this);
    for (const action of this.#onGone) action();
  }
}

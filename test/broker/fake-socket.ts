/** A connection's other end in memory: what the broker's side writes is kept, and taken when the test says so. */
import type { NetSocket, SocketSink } from '../../src/kernel/env.ts';
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts';
import type { AnyApi, RequestInput, ResponseOf } from '../../src/protocol/schema.ts';

export class FakeSocket implements NetSocket {
  readonly remote: string;
  isPaused = false;
  hasEnded = false;
  isDestroyed = false;
  /** Off: nothing that is written gets out before `drain`. */
  isReading = true;
  pendingBytes = 0;
  #sink: SocketSink | undefined;
  #sent: Buffer = Buffer.alloc(0);
  #undone: { byteCount: number; done: (() => void) | undefined }[] = [];

  constructor(remote = '127.0.0.1:5000') {
    this.remote = remote;
  }

  start(sink: SocketSink): void {
    this.#sink = sink;
  }

  write(buffers: readonly Uint8Array[], done?: () => void): void {
    this.#sent = Buffer.concat([this.#sent, ...buffers]);
    const byteCount = buffers.reduce((sum, { length }) => sum + length, 0);
    this.pendingBytes += byteCount;
    this.#undone.push({ byteCount, done });
    if (this.isReading) this.drain();
  }

  drain(): void {
    for (const { byteCount, done } of this.#undone.splice(0)) {
      this.pendingBytes -= byteCount;
      done?.();
    }
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    if (this.hasEnded || this.isDestroyed) return;
    this.hasEnded = true;
    this.#sink?.ended();
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    const undone = this.#undone.splice(0);
    for (const { done } of undone) done?.();
    if (!this.hasEnded) this.#sink?.ended();
    this.hasEnded = true;
  }

  /** What the peer sends; answers false when it is not taken because reading is stopped. */
  receive(bytes: Uint8Array): boolean {
    let rest = bytes;
    while (rest.length > 0 && this.#sink !== undefined) {
      if (this.isPaused) return false;
      const target = this.#sink.target();
      const part = rest.subarray(0, target.length);
      target.set(part);
      this.#sink.received(part.length);
      rest = rest.subarray(part.length);
    }
    return true;
  }

  request<A extends AnyApi>(api: A, version: number, correlationId: number, message: RequestInput<A>): boolean {
    return this.receive(frameOf(api, version, correlationId, message));
  }

  /** The frames written so far, without their lengths. */
  frames(): Buffer[] {
    const frames: Buffer[] = [];
    let position = 0;
    while (position + 4 <= this.#sent.length) {
      const end = position + 4 + this.#sent.readInt32BE(position);
      frames.push(this.#sent.subarray(position + 4, end));
      position = end;
    }
    return frames;
  }

  correlationIds(): number[] {
    return this.frames().map((frame) => frame.readInt32BE(0));
  }

  answer<A extends AnyApi>(api: A, version: number, index: number): ResponseOf<A> {
    const frame = this.frames()[index];
    if (frame === undefined) throw new Error(`there is no answer ${index}`);
    return decodeResponse(api, version, frame).message;
  }
}

export function frameOf<A extends AnyApi>(
  api: A,
  version: number,
  correlationId: number,
  message: RequestInput<A>,
): Buffer {
  return Buffer.concat(encodeRequest(api, version, { correlationId, clientId: 'test' }, message));
}

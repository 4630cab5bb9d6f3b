/**
 * What a connection has to send, handed to its socket a piece at a time: so that it is seen whether a slow peer reads at all, and
 * buffers are given back as soon as they are out. Answers that gather behind a piece go out together with the next.
 */

import type { NetSocket } from '../kernel/env.ts';
import type { UnsentAnswers } from './unsent-answers.ts';

/** Bytes of one piece at most: a peer that reads it within the time for a stall, 9 KB a second, is slow and not stuck. */
const PIECE_BYTES_MAX = 512 << 10;

interface Chunk {
  readonly bytes: Uint8Array;
  /** Runs when these bytes, and all before them, are out or lost. */
  readonly done: (() => void) | undefined;
}

export class SendQueue {
  readonly #socket: NetSocket;
  readonly #onSent: () => void;
  /** Of all connections. */
  readonly #unsentOfAll: UnsentAnswers;
  #chunks: Chunk[] = [];
  #isWriting = false;
  #isClosed = false;
  #unsentBytes = 0;

  /** `onSent` is called after each piece that the system took. */
  constructor(socket: NetSocket, unsentOfAll: UnsentAnswers, onSent: () => void) {
    this.#socket = socket;
    this.#unsentOfAll = unsentOfAll;
    this.#onSent = onSent;
  }

  /** Bytes pushed and not yet taken by the system. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Queues one answer; `flush` sends. `done` is called once, whatever becomes of the connection. */
  push(chunks: readonly Uint8Array[], done: (() => void) | undefined): void {
    if (this.#isClosed) {
      done?.();
      return;
    }
    chunks.forEach((bytes, index) => {
      this.#count(bytes.length);
      this.#chunks.push({ bytes, done: index === chunks.length - 1 ? done : undefined });
    });
  }

  flush(): void {
    if (this.#isWriting || this.#chunks.length === 0) return;
    const piece = this.#nextPiece();
    this.#isWriting = true;
    this.#socket.write(
      piece.map(({ bytes }) => bytes),
      () => this.#sent(piece),
    );
  }

  /** The connection is gone: what is queued is given back, once a piece under way does not need it any more. */
  close(): void {
    if (!this.#isClosed) this.#unsentOfAll.add(-this.#unsentBytes);
    this.#isClosed = true;
    if (!this.#isWriting) this.#lose();
  }

  #sent(piece: readonly Chunk[]): void {
    this.#isWriting = false;
    for (const { bytes, done } of piece) {
      this.#count(-bytes.length);
      done?.();
    }
    if (this.#isClosed) {
      this.#lose();
      return;
    }
    this.flush();
    this.#onSent();
  }

  #lose(): void {
    const lost = this.#chunks;
    this.#chunks = [];
    for (const { bytes, done } of lost) {
      this.#count(-bytes.length);
      done?.();
    }
  }

  #count(byteCount: number): void {
    this.#unsentBytes += byteCount;
    if (!this.#isClosed) this.#unsentOfAll.add(byteCount);
  }

  #nextPiece(): Chunk[] {
    let room = PIECE_BYTES_MAX;
    let count = 0;
    for (const { bytes } of this.#chunks) {
      if (bytes.length > room) break;
      room -= bytes.length;
      count += 1;
    }
    const piece = this.#chunks.splice(0, count);
    const next = this.#chunks[0];
    if (next !== undefined && room > 0) {
      piece.push({ bytes: next.bytes.subarray(0, room), done: undefined });
      this.#chunks[0] = { bytes: next.bytes.subarray(room), done: next.done };
    }
    return piece;
  }
}

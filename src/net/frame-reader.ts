/**
 * Cuts what arrives on a connection into frames:
 *
 *     int32 length | length bytes ...        (big-endian; the first two bytes of a request are its API key)
 *
 * All connections without an unfinished frame read into one scratch buffer, so an idle connection owns none. The rest of
 * an unfinished frame is put by the kernel straight into a slab of the frame's own length. Memory for a frame is taken from a
 * shared budget before it is there; when that is used up the connection is paused until there is room, and what had
 * arrived behind (at most what one read brings) is kept aside.
 */
import { assert } from '../kernel/assert.ts';
import type { BudgetWaiter, ByteBudget } from '../kernel/byte-budget.ts';
import type { SocketSink } from '../kernel/env.ts';
import type { Slab, SlabPool } from '../kernel/slab-pool.ts';
import { describeForeignHead } from './foreign-protocol.ts';
import { AT_ONCE_BYTES, firstBytes, GrowingFrame } from './growing-frame.ts';

export interface FrameSink {
  /** A whole frame without its length prefix. The receiver releases the slab, which gives its bytes back to the budget. */
  frame(slab: Slab): void;
  /** The peer does not speak this protocol or sends too much; nothing more is delivered. `head`: its first bytes, 8 at most. */
  refused(reason: string, head: Buffer): void;
  /** As SocketSink.ended: once, last. An unfinished frame is dropped. */
  ended(error?: Error): void;
}

export interface FrameReaderOptions {
  readonly pool: SlabPool;
  readonly budget: ByteBudget;
  /** Longest frame of requests with this API key (-1: too short to have one); a client, whose frames carry none, ignores it. */
  readonly frameBytesMax: (apiKey: number) => number;
  /** Frames up to this length get their memory at once; `AT_ONCE_BYTES` when left out. */
  readonly atOnceBytes?: number;
  /** Stop and continue delivery from the socket. */
  pause(): void;
  resume(): void;
}

export const SCRATCH_BYTES = 64 << 10;
const LENGTH_BYTES = 4;
const API_KEY_BYTES = 2;
const REFUSED_HEAD_BYTES = 8;
const NOTHING = Buffer.alloc(0);

let sharedScratch: Buffer | undefined;

/** The buffer that connections without an unfinished frame read into; what is in it is used up within the same turn. */
function scratch(): Buffer {
  sharedScratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  return sharedScratch;
}

export class FrameReader implements SocketSink {
  readonly #options: FrameReaderOptions;
  readonly #sink: FrameSink;
  /** Where the socket was last told to put bytes, and the frame to which that memory belongs (undefined: scratch). */
  #target: Buffer = NOTHING;
  #targetFrame: GrowingFrame | undefined;
  #unfinished: GrowingFrame | undefined;
  /** Arrived and not yet cut: the start of a length, or what came behind a frame that has to wait. Our own copy. */
  #rest: Buffer = NOTHING;
  #waiter: BudgetWaiter | undefined;
  #isHeld = false;
  #isCutting = false;
  #isPaused = false;
  #isDone = false;

  constructor(options: FrameReaderOptions, sink: FrameSink) {
    this.#options = options;
    this.#sink = sink;
  }

  target(): Uint8Array {
    // What was kept comes before what arrives next, also in an unfinished frame.
    const room = this.#rest.length === 0 ? this.#unfinished?.room() : undefined;
    this.#targetFrame = room === undefined ? undefined : this.#unfinished;
    this.#target = room ?? scratch();
    return this.#target;
  }

  received(byteCount: number): void {
    if (this.#isDone || byteCount === 0) return;
    if (this.#targetFrame !== undefined) {
      assert(this.#targetFrame === this.#unfinished, 'a frame does not end before the bytes that were read into it');
      this.#targetFrame.filled(byteCount);
      this.#cut(NOTHING);
      return;
    }
    const arrived = this.#target.subarray(0, byteCount);
    this.#cut(this.#rest.length === 0 ? arrived : Buffer.concat([this.#rest, arrived]));
  }

  ended(error?: Error): void {
    this.#stop();
    this.#sink.ended(error);
  }

  /** Hands out no further frame until `release`, and pauses the socket: for a receiver that has enough to do. */
  hold(): void {
    this.#isHeld = true;
    this.#settlePause();
  }

  /** Ends `hold`. May hand out frames before it returns. */
  release(): void {
    this.#isHeld = false;
    this.#continue();
  }

  #continue(): void {
    if (!this.#isDone && !this.#isCutting) this.#cut(this.#rest);
  }

  /** Cuts frames out of `bytes`, which hold `#rest` and what came after it, as far as that is possible now. */
  #cut(bytes: Buffer): void {
    assert(!this.#isCutting, 'a sink does not feed its own reader');
    this.#isCutting = true;
    let position = 0;
    while (this.#mayGoOn()) {
      if (this.#unfinished === undefined) {
        const frameBytes = this.#nextFrameBytes(bytes, position);
        if (frameBytes === undefined) break;
        position += LENGTH_BYTES;
        this.#begin(frameBytes);
      } else {
        position += this.#unfinished.fill(bytes, position);
        if (!this.#advance(this.#unfinished)) break;
      }
    }
    this.#isCutting = false;
    if (this.#isDone) return;
    this.#keep(bytes, position);
    this.#settlePause();
  }

  #mayGoOn(): boolean {
    return !this.#isDone && !this.#isHeld && this.#waiter === undefined;
  }

  /** The length of the frame that begins at `position`; undefined when that is not known yet, or the frame was refused. */
  #nextFrameBytes(bytes: Buffer, position: number): number | undefined {
    if (bytes.length - position < LENGTH_BYTES) return undefined;
    const frameBytes = bytes.readInt32BE(position);
    if (frameBytes <= 0) return this.#refuse(`frame length ${frameBytes}`, bytes, position);
    if (bytes.length - position < LENGTH_BYTES + Math.min(frameBytes, API_KEY_BYTES)) return undefined;
    const apiKey = frameBytes < API_KEY_BYTES ? -1 : bytes.readInt16BE(position + LENGTH_BYTES);
    const frameBytesMax = this.#options.frameBytesMax(apiKey);
    if (frameBytes <= frameBytesMax) return frameBytes;
    return this.#refuse(`frame length ${frameBytes} above the limit of ${frameBytesMax}`, bytes, position);
  }

  #refuse(reason: string, bytes: Buffer, position: number): undefined {
    const head = Buffer.from(bytes.subarray(position, position + REFUSED_HEAD_BYTES));
    const foreign = describeForeignHead(head);
    this.#stop();
    this.#sink.refused(foreign === undefined ? reason : `${reason}: ${foreign}`, head);
    return undefined;
  }

  /** Takes memory for a frame, or waits for it. */
  #begin(frameBytes: number): void {
    const { pool, budget, atOnceBytes = AT_ONCE_BYTES } = this.#options;
    const byteCount = firstBytes(frameBytes, atOnceBytes);
    const begin = (): void => {
      this.#unfinished = new GrowingFrame(pool, budget, frameBytes, byteCount);
    };
    if (budget.take(byteCount)) begin();
    else this.#waitFor(byteCount, begin, undefined);
  }

  /** Hands out or enlarges the frame; false when it only lacks bytes. */
  #advance(frame: GrowingFrame): boolean {
    if (frame.isComplete) {
      this.#unfinished = undefined;
      this.#options.budget.done(frame);
      this.#sink.frame(frame);
      return true;
    }
    if (!frame.isFull) return false;
    const byteCount = frame.nextBytes;
    if (this.#options.budget.take(byteCount, frame)) frame.grow();
    else this.#waitFor(byteCount, () => frame.grow(), frame);
    return true;
  }

  #waitFor(byteCount: number, onGranted: () => void, holder: GrowingFrame | undefined): void {
    const granted = (): void => {
      this.#waiter = undefined;
      onGranted();
      this.#continue();
    };
    this.#waiter = this.#options.budget.wait(byteCount, granted, holder);
  }

  /** Keeps what was not cut; the bytes may lie in the scratch buffer, so they are copied. */
  #keep(bytes: Buffer, position: number): void {
    if (position === bytes.length) this.#rest = NOTHING;
    else if (position > 0 || bytes !== this.#rest) this.#rest = Buffer.from(bytes.subarray(position));
  }

  #settlePause(): void {
    const mustPause = this.#isHeld || this.#waiter !== undefined;
    if (this.#isDone || mustPause === this.#isPaused) return;
    this.#isPaused = mustPause;
    if (mustPause) this.#options.pause();
    else this.#options.resume();
  }

  #stop(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#waiter?.cancel();
    this.#waiter = undefined;
    this.#unfinished?.release();
    this.#unfinished = undefined;
    this.#rest = NOTHING;
  }
}

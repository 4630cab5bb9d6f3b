import { assert } from '../kernel/assert.ts';
import type { Codec } from '../protocol/records/compression.ts';
import type { BatchSlot } from './batch-slot.ts';

/** What a broker remembers of an idempotent producer; so many batches of a partition may be without an answer. */
const IN_FLIGHT_COUNT_MAX = 5;

/** A closed batch on its way to being acked. */
export interface PendingBatch {
  readonly partition: number;
  readonly slot: BatchSlot;
  readonly recordCount: number;
  /** -1 when the producer is not idempotent. */
  baseSequence: number;
  /** How the records are packed in `bytes`. */
  codec: Codec;
  /** Header, and records as they go out; the beginning of the slot's memory. */
  bytes: Buffer;
  state: 'packing' | 'ready' | 'sending';
  /** Monotonic milliseconds; undefined before the first attempt. */
  firstAttemptMs: number | undefined;
  /** What a broker answered to the last attempt, in words; undefined when nobody did. */
  lastRefusal: string | undefined;
}

/**
 * The batches of one partition that are not acked, oldest first, and when each may be sent (again). Pure decisions.
 *
 * After a failed attempt nothing more is sent until every other attempt has come back; then all that is left goes out again
 * from the oldest on, with the sequences it had. So the broker sees either the next sequence or one that it remembers,
 * and order is kept without sequences too.
 *
 * The first batch, and the first after a failure, goes out alone. A broker takes any sequence as the first of a producer
 * that it does not know: had it refused one batch and taken the next, the first could never follow.
 */
export class PartitionQueue {
  readonly partition: number;
  readonly #batches: PendingBatch[] = [];
  #sendingCount = 0;
  #draining = false;
  #windowCount = 1;

  constructor(partition: number) {
    this.partition = partition;
  }

  get batches(): readonly PendingBatch[] {
    return this.#batches;
  }

  get oldest(): PendingBatch | undefined {
    return this.#batches[0];
  }

  push(batch: PendingBatch): void {
    this.#batches.push(batch);
  }

  /** The batch that may be sent now. */
  next(): PendingBatch | undefined {
    if (this.#draining || this.#sendingCount >= this.#windowCount) return undefined;
    const batch = this.#batches[this.#sendingCount];
    return batch?.state === 'ready' ? batch : undefined;
  }

  /** `batch` is what `next` answered. */
  sending(batch: PendingBatch): void {
    assert(batch === this.#batches[this.#sendingCount], 'batches are sent in order');
    batch.state = 'sending';
    this.#sendingCount++;
  }

  /** Takes an acked batch out. */
  acked(batch: PendingBatch): void {
    const index = this.#batches.indexOf(batch);
    assert(index >= 0 && batch.state === 'sending', 'only what was sent is acked');
    this.#batches.splice(index, 1);
    this.#sendingCount--;
    if (!this.#draining) this.#windowCount = IN_FLIGHT_COUNT_MAX;
    this.#settle();
  }

  /** The attempt failed in a way that allows another; `refusal` undefined when nobody answered. */
  failed(batch: PendingBatch, refusal: string | undefined): void {
    assert(batch.state === 'sending', 'only what was sent can fail');
    batch.state = 'ready';
    batch.lastRefusal = refusal;
    this.#sendingCount--;
    this.#draining = true;
    this.#windowCount = 1;
    this.#settle();
  }

  /**
   * Whether an out-of-order answer for `batch` only tells that an older batch has not been appended yet. For the oldest one
   * it means that the broker has lost what it acked before.
   */
  isOutOfOrderExpected(batch: PendingBatch): boolean {
    return this.oldest !== batch;
  }

  #settle(): void {
    if (this.#sendingCount === 0) this.#draining = false;
  }
}

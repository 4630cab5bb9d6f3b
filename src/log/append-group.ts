/**
 * Appends that were queued while an earlier write was under way: they go to the file in one write, share one sync, and are
 * acked together. All of a group lies in one segment, so that a group succeeds or fails as a whole.
 */
import type { Deferred } from '../kernel/deferred.ts';
import { type CommitWaiter, ownedDeferred } from './commit-waiters.ts';
import type { EpochEntry } from './leader-epochs.ts';
import type { ProducerEntry } from './producer-state.ts';
import type { Segment } from './segment.ts';

/** A batch with its offsets, and what the append changed in memory, so that it can be taken back. */
export interface QueuedBatch {
  readonly bytes: Buffer;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly recordCount: number;
  readonly maxTimestamp: bigint;
  readonly producerBefore: { readonly producerId: bigint; readonly entry: ProducerEntry | undefined } | undefined;
  readonly epochsBefore: readonly EpochEntry[];
}

const GROUP_BYTES_MAX = 32 * 1024 * 1024;

export class AppendGroup implements CommitWaiter {
  readonly segment: Segment;
  readonly batches: QueuedBatch[] = [];
  readonly written: Deferred<void> = ownedDeferred();
  readonly committed: Deferred<void> = ownedDeferred();
  lastOffset = -1;
  sizeBytes = 0;
  recordCount = 0;

  constructor(segment: Segment) {
    this.segment = segment;
  }

  takes(segment: Segment): boolean {
    return segment === this.segment && this.sizeBytes < GROUP_BYTES_MAX;
  }

  add(batch: QueuedBatch): void {
    this.batches.push(batch);
    this.lastOffset = batch.lastOffset;
    this.sizeBytes += batch.bytes.length;
    this.recordCount += batch.recordCount;
  }
}

import { BATCH_HEADER_BYTES, sealBatch } from '../protocol/records/batch.ts';
import { type Codec, codecId, compress } from '../protocol/records/compression.ts';
import type { PendingBatch } from './partition-queue.ts';
import type { ProducerIdentity } from './producer-id.ts';

/**
 * Compresses the batch's records in place. What does not get smaller stays as it is, so that a batch within the topic's
 * limit never grows beyond it.
 */
export async function packBatch(batch: PendingBatch, codec: Codec): Promise<void> {
  const { bytes: memory, position } = batch.slot;
  const packed = await compress(codec, memory.subarray(BATCH_HEADER_BYTES, position));
  if (packed.length >= position - BATCH_HEADER_BYTES) return;
  packed.copy(memory, BATCH_HEADER_BYTES);
  batch.codec = codec;
  batch.bytes = memory.subarray(0, BATCH_HEADER_BYTES + packed.length);
}

/**
 * Writes the batch's header as it was for the first attempt: a broker in the same process patches offsets, epoch and
 * perhaps timestamps in our own memory, and a batch that is sent again must not tell of that.
 */
export function sealLineBatch(batch: PendingBatch, producer: ProducerIdentity | undefined): void {
  const { slot, bytes } = batch;
  const baseTimestamp = BigInt(slot.baseTimestampMs);
  sealBatch(bytes, 0, bytes.length, {
    baseOffset: 0,
    leaderEpoch: -1,
    attributes: codecId(batch.codec),
    lastOffsetDelta: batch.recordCount - 1,
    baseTimestamp,
    maxTimestamp: baseTimestamp + BigInt(slot.maxTimestampDelta),
    producerId: producer?.producerId ?? -1n,
    producerEpoch: producer?.producerEpoch ?? -1,
    baseSequence: batch.baseSequence,
    recordCount: batch.recordCount,
  });
}

/** What a batch's header says of its producer and its place in the log. */
import * as batch from '../protocol/records/batch.ts';
import type { PlacedProducerBatch } from './producer-state.ts';

/** Of the batch whose header is at `at`, with offsets and timestamps as they stand; undefined when it names no producer. */
export function producerBatchOf(bytes: Buffer, at: number): PlacedProducerBatch | undefined {
  const producerId = batch.producerId(bytes, at);
  if (producerId < 0n) return undefined;
  const attributes = batch.attributes(bytes, at);
  return {
    producerId,
    epoch: batch.producerEpoch(bytes, at),
    baseSequence: batch.baseSequence(bytes, at),
    lastOffsetDelta: batch.lastOffsetDelta(bytes, at),
    lastOffset: batch.lastOffset(bytes, at),
    timestamp: batch.maxTimestamp(bytes, at),
    transactional: (attributes & batch.TRANSACTIONAL_BIT) !== 0,
    control: (attributes & batch.CONTROL_BIT) !== 0,
  };
}

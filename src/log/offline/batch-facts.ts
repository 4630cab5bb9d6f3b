/** What a batch's header says, as plain facts for people and scripts: those that Kafka's DumpLogSegments prints. */
import type { DiskFile } from '../../kernel/env.ts';
import * as batch from '../../protocol/records/batch.ts';
import { codecOf } from '../../protocol/records/compression.ts';
import { scanBatches } from '../batch-scan.ts';
import { sequenceAfter } from '../producer-state.ts';

export interface BatchFacts {
  readonly position: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly count: number;
  readonly sizeBytes: number;
  /** `unknown` for an id that no codec has. */
  readonly codec: string;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  /** Decimal text: JSON has no int64. */
  readonly baseTimestamp: string;
  readonly maxTimestamp: string;
  readonly leaderEpoch: number;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly deleteHorizon: boolean;
  readonly crc: number;
  readonly valid: boolean;
}

/** Of the whole batch at `at`; `position` is its place in the file. */
export function batchFactsOf(bytes: Buffer, at: number, position: number): BatchFacts {
  const attributes = batch.attributes(bytes, at);
  const baseSequence = batch.baseSequence(bytes, at);
  const delta = batch.lastOffsetDelta(bytes, at);
  const is = (bit: number): boolean => (attributes & bit) !== 0;
  return {
    position,
    baseOffset: batch.baseOffset(bytes, at),
    lastOffset: batch.lastOffset(bytes, at),
    count: batch.recordCount(bytes, at),
    sizeBytes: batch.batchBytes(bytes, at),
    codec: codecOf(attributes) ?? 'unknown',
    timestampType: is(batch.LOG_APPEND_TIME_BIT) ? 'LogAppendTime' : 'CreateTime',
    baseTimestamp: String(batch.baseTimestamp(bytes, at)),
    maxTimestamp: String(batch.maxTimestamp(bytes, at)),
    leaderEpoch: batch.leaderEpoch(bytes, at),
    producerId: String(batch.producerId(bytes, at)),
    producerEpoch: batch.producerEpoch(bytes, at),
    baseSequence,
    lastSequence: baseSequence < 0 ? baseSequence : sequenceAfter(baseSequence, delta),
    transactional: is(batch.TRANSACTIONAL_BIT),
    control: is(batch.CONTROL_BIT),
    deleteHorizon: is(batch.DELETE_HORIZON_BIT),
    crc: batch.crc(bytes, at),
    valid: batch.crc(bytes, at) === batch.computeCrc(bytes, at),
  };
}

/** Batches between two calls of `settle`. */
const BATCHES_A_TURN = 256;

/**
 * Shows every batch of the file to `visit`, and awaits `settle` after some of them, so that what was made of them can be
 * written. Answers where the batches end, and whether that is the file's end.
 */
export async function forEachBatch(
  file: DiskFile,
  visit: (bytes: Buffer, at: number, position: number) => void,
  settle: () => Promise<void>,
): Promise<{ position: number; isWhole: boolean }> {
  const to = await file.size();
  let from = 0;
  for (;;) {
    let left = BATCHES_A_TURN;
    const end = await scanBatches(file, { from, to, wholeBatches: true }, (bytes, at, position) => {
      if (left === 0) return 'stop';
      left -= 1;
      visit(bytes, at, position);
      return 'next';
    });
    await settle();
    if (end.outcome !== 'stopped') return { position: end.position, isWhole: end.outcome === 'end' };
    from = end.position;
  }
}

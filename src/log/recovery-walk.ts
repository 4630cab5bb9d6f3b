/**
 * The walk of a recovery: batch after batch through the segments, checking each and gathering what the files do not say by
 * themselves: index entries, leader epochs and producers (contract 4.4, C-4). Below the durable point headers alone are read,
 * above it every CRC is checked. Nothing is written here.
 */
import type { DiskFile } from '../kernel/env.ts';
import * as batch from '../protocol/records/batch.ts';
import { type ScanEnd, type ScanStep, scanBatches } from './batch-scan.ts';
import { assignEpoch, type EpochEntry, epochAt } from './leader-epochs.ts';
import { producerBatchOf } from './producer-batch.ts';
import { afterBatch } from './producer-state.ts';
import type { ProducerTable } from './producer-table.ts';
import { RELATIVE_OFFSET_MAX } from './roll-rules.ts';
import type { Segment } from './segment.ts';
import { writtenBatchOf } from './segment-indexes.ts';

/** What a walk knows and learns. */
export interface WalkState {
  /** Batches that reach it are checked whole, of those before it only headers are read. */
  readonly checkedFromOffset: number;
  /** What leader-epoch-checkpoint says; it is on the disk before the first batch of an epoch. */
  readonly knownEpochs: readonly EpochEntry[] | undefined;
  readonly logStartOffset: number;
  /** Whether offsets may be missing between batches. */
  readonly gaps: boolean;
  readonly indexIntervalBytes: number;
  readonly nowMs: number;
  /** Batches from this offset on are replayed into `producers`. */
  readonly producersFrom: number;
  readonly producers: ProducerTable;
  epochs: readonly EpochEntry[];
  /** The offset after the last valid batch. */
  endOffset: number;
  leaderEpoch: number;
  /** Base offsets of batches whose epoch is another than the known one, up to two. */
  readonly contradicted: number[];
}

/** A walked segment. */
export interface SegmentWalk {
  readonly end: ScanEnd;
  /** Position of the first batch that was checked whole; the end of the valid bytes when none was. */
  readonly durableBytes: number;
}

/** Walks `segment`, whose file holds `logBytes`, and builds its indexes in memory. `state` and the segment learn on the way. */
export async function walkSegment(
  state: WalkState,
  segment: Segment,
  file: DiskFile,
  logBytes: number,
): Promise<SegmentWalk> {
  segment.resetIndexes();
  state.endOffset = Math.max(state.endOffset, segment.baseOffset);
  const durable = await scanBatches(file, { from: 0, to: logBytes, wholeBatches: false }, (bytes, at) => {
    if (batch.lastOffset(bytes, at) >= state.checkedFromOffset) return 'stop';
    return take(state, segment, bytes, at, false);
  });
  segment.checkedFrom = segment.writtenBytes;
  segment.checkedTo = segment.writtenBytes;
  if (durable.outcome !== 'stopped') return { end: durable, durableBytes: durable.position };
  const range = { from: durable.position, to: logBytes, wholeBatches: true };
  const end = await scanBatches(file, range, (bytes, at) => take(state, segment, bytes, at, true));
  return { end, durableBytes: durable.position };
}

function take(state: WalkState, segment: Segment, bytes: Buffer, at: number, whole: boolean): ScanStep {
  if (!fits(state, segment, bytes, at)) return 'bad';
  if (whole && batch.crc(bytes, at) !== batch.computeCrc(bytes, at)) return 'bad';
  const baseOffset = batch.baseOffset(bytes, at);
  const leaderEpoch = batch.leaderEpoch(bytes, at);
  if (segment.writtenBytes === 0) segment.firstTimestamp = batch.maxTimestamp(bytes, at);
  segment.noteWritten(writtenBatchOf(bytes, at), state.indexIntervalBytes);
  segment.plannedBytes = segment.writtenBytes;
  if (leaderEpoch > (state.epochs[state.epochs.length - 1]?.epoch ?? -1)) {
    state.epochs = assignEpoch(state.epochs, leaderEpoch, baseOffset);
  }
  if (baseOffset >= state.producersFrom) replayProducer(state.producers, bytes, at, state.nowMs);
  // What lies wholly before the log's start may belong to an epoch that is not known any more.
  if (
    state.knownEpochs !== undefined &&
    batch.lastOffset(bytes, at) >= state.logStartOffset &&
    epochAt(state.knownEpochs, Math.max(baseOffset, state.logStartOffset)) !== leaderEpoch
  ) {
    if (state.contradicted.length < 2) state.contradicted.push(baseOffset);
  } else {
    state.leaderEpoch = leaderEpoch;
  }
  state.endOffset = batch.lastOffset(bytes, at) + 1;
  return 'next';
}

/** Whether offset, epoch and count of the batch can follow the batch before it: the CRC covers neither of the first two. */
function fits(state: WalkState, segment: Segment, bytes: Buffer, at: number): boolean {
  const baseOffset = batch.baseOffset(bytes, at);
  const lastOffsetDelta = batch.lastOffsetDelta(bytes, at);
  if (!Number.isSafeInteger(baseOffset) || lastOffsetDelta < 0) return false;
  if (state.gaps ? baseOffset < state.endOffset : baseOffset !== state.endOffset) return false;
  if (baseOffset + lastOffsetDelta - segment.baseOffset > RELATIVE_OFFSET_MAX) return false;
  const count = batch.recordCount(bytes, at);
  const counts = state.gaps ? count >= 0 && count <= lastOffsetDelta + 1 : count === lastOffsetDelta + 1;
  return counts && batch.leaderEpoch(bytes, at) >= state.leaderEpoch;
}

function replayProducer(producers: ProducerTable, bytes: Buffer, at: number, nowMs: number): void {
  const placed = producerBatchOf(bytes, at);
  if (placed === undefined) return;
  producers.set(afterBatch(producers.get(placed.producerId), placed, nowMs));
}

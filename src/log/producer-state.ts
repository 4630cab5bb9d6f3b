/**
 * What a partition knows of idempotent producers (contract 3.4): per producer id its epoch and its last five batches, so that
 * a batch that is sent again is recognised and answered with its first offset, and a gap is refused. Source: Kafka's
 * ProducerStateEntry and ProducerAppendInfo.
 *
 * Entries are plain data that is never changed in place: an append that must be taken back puts the former entry back.
 */
import { KafkaError } from '../protocol/errors.ts';

/** Clients keep at most five batches of a partition in flight, so no duplicate is older than that. */
export const PRODUCER_WINDOW_BATCHES = 5;

const SEQUENCE_MAX = 0x7fffffff;

export interface BatchMark {
  readonly lastSequence: number;
  readonly lastOffset: number;
  /** Last offset minus first offset of the batch. */
  readonly offsetDelta: number;
  readonly timestamp: bigint;
}

export interface ProducerEntry {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly coordinatorEpoch: number;
  /** Largest timestamp of its newest batch or marker, as its client gave it. */
  readonly lastTimestamp: bigint;
  /** Wall clock when this broker last took a batch of it. Idle state expires by this, not by what the client says. */
  readonly seenMs: number;
  /** First offset of the open transaction, -1 for none. */
  readonly transactionFirstOffset: number;
  /** Oldest first, at most five. */
  readonly batches: readonly BatchMark[];
}

/** What a batch says of its producer. */
export interface ProducerBatch {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly baseSequence: number;
  readonly lastOffsetDelta: number;
}

/** A batch's producer and place in the log, for replay. */
export interface PlacedProducerBatch extends ProducerBatch {
  readonly lastOffset: number;
  readonly timestamp: bigint;
  readonly transactional: boolean;
  readonly control: boolean;
}

/** The sequence `increment` after `sequence`; 2147483647 is followed by 0. */
export function sequenceAfter(sequence: number, increment: number): number {
  const next = sequence + increment;
  return next > SEQUENCE_MAX ? next - SEQUENCE_MAX - 1 : next;
}

/**
 * Judges a client's batch against what is known of its producer.
 * @returns the mark of the batch that it repeats, or undefined when it is to be appended
 * @throws KafkaError INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE
 */
export function checkProducerBatch(entry: ProducerEntry | undefined, batch: ProducerBatch): BatchMark | undefined {
  if (entry === undefined) return undefined;
  const { epoch, baseSequence } = batch;
  if (epoch < entry.epoch) {
    throw new KafkaError('INVALID_PRODUCER_EPOCH', `producer epoch ${epoch} is older than ${entry.epoch}`);
  }
  if (epoch > entry.epoch) {
    if (baseSequence !== 0) throw outOfOrder(`a new producer epoch begins with sequence ${baseSequence}, not 0`);
    return undefined;
  }
  const lastSequence = sequenceAfter(baseSequence, batch.lastOffsetDelta);
  for (const mark of entry.batches) {
    if (mark.lastSequence === lastSequence && mark.offsetDelta === batch.lastOffsetDelta) return mark;
  }
  const newest = entry.batches[entry.batches.length - 1];
  const expected = newest === undefined ? 0 : sequenceAfter(newest.lastSequence, 1);
  if (baseSequence !== expected) throw outOfOrder(`sequence ${baseSequence} where ${expected} is next`);
  if (entry.transactionFirstOffset >= 0) {
    throw new KafkaError('INVALID_TXN_STATE', 'a plain batch while a transaction of its producer is open');
  }
  return undefined;
}

function outOfOrder(message: string): KafkaError {
  return new KafkaError('OUT_OF_ORDER_SEQUENCE_NUMBER', message);
}

/** The producer's entry after a batch or marker that is in the log: nothing is judged, so that a replay never stops. */
export function afterBatch(entry: ProducerEntry | undefined, batch: PlacedProducerBatch, nowMs: number): ProducerEntry {
  const sameEpoch = entry !== undefined && entry.epoch === batch.epoch;
  const marks = sameEpoch ? entry.batches : [];
  const open = entry?.transactionFirstOffset ?? -1;
  const mark: BatchMark = {
    lastSequence: sequenceAfter(batch.baseSequence, batch.lastOffsetDelta),
    lastOffset: batch.lastOffset,
    offsetDelta: batch.lastOffsetDelta,
    timestamp: batch.timestamp,
  };
  return {
    producerId: batch.producerId,
    epoch: batch.epoch,
    coordinatorEpoch: entry?.coordinatorEpoch ?? -1,
    lastTimestamp: batch.timestamp,
    seenMs: nowMs,
    transactionFirstOffset: transactionAfter(open, batch),
    batches: batch.control ? marks : [...marks.slice(1 - PRODUCER_WINDOW_BATCHES), mark],
  };
}

function transactionAfter(open: number, batch: PlacedProducerBatch): number {
  if (batch.control) return -1;
  if (open >= 0) return open;
  return batch.transactional ? batch.lastOffset - batch.lastOffsetDelta : -1;
}

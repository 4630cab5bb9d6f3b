/**
 * Which batches of a log belong to aborted transactions, and which markers say nothing any more. Source: Kafka's
 * CleanedTransactionMetadata; as there is no transaction index here, what was aborted is read off the log itself.
 */
import * as batch from '../../protocol/records/batch.ts';
import { codecOf } from '../../protocol/records/compression.ts';
import { RecordCursor } from '../../protocol/records/record-walk.ts';

export type MarkerKind = 'abort' | 'commit' | 'other';

export interface AbortedTransaction {
  readonly producerId: bigint;
  /** Of its first batch. */
  readonly firstOffset: number;
  /** Of its marker. */
  readonly lastOffset: number;
}

/** What a look through a part of a log found. */
export interface FoundTransactions {
  /** By first offset. */
  readonly aborted: readonly AbortedTransaction[];
  /** From here on (inclusive) it is not known of every batch how its transaction ended. */
  readonly knownEnd: number;
}

/** What is remembered of one part of a log; beyond, what follows is not known. */
const ABORTED_COUNT_MAX = 100_000;

const MARKER_KEY_BYTES = 4;
const ABORT_TYPE = 0;
const COMMIT_TYPE = 1;

/** What the control batch at `at`, whole and of one record, says. */
export function markerKindOf(bytes: Buffer, at: number): MarkerKind {
  if (batch.recordCount(bytes, at) < 1 || codecOf(batch.attributes(bytes, at)) !== 'none') return 'other';
  const record = new RecordCursor(bytes, at + batch.BATCH_HEADER_BYTES, at + batch.batchBytes(bytes, at));
  record.next();
  if (record.keyStart === -1 || record.keyEnd - record.keyStart < MARKER_KEY_BYTES) return 'other';
  const type = bytes.readInt16BE(record.keyStart + 2);
  if (type === ABORT_TYPE) return 'abort';
  return type === COMMIT_TYPE ? 'commit' : 'other';
}

/** Gathers transactions from batches that are given in order. */
export class TransactionSearch {
  readonly #firstOffsets = new Map<bigint, number>();
  readonly #aborted: AbortedTransaction[] = [];
  #nextOffset = 0;

  /** Takes the next batch, whole; false when it remembers as much as it may. */
  take(bytes: Buffer, at: number): boolean {
    const attributes = batch.attributes(bytes, at);
    const producerId = batch.producerId(bytes, at);
    this.#nextOffset = batch.lastOffset(bytes, at) + 1;
    if ((attributes & batch.CONTROL_BIT) !== 0) this.#end(producerId, markerKindOf(bytes, at));
    else if ((attributes & batch.TRANSACTIONAL_BIT) !== 0 && !this.#firstOffsets.has(producerId)) {
      this.#firstOffsets.set(producerId, batch.baseOffset(bytes, at));
    }
    return this.#aborted.length + this.#firstOffsets.size < ABORTED_COUNT_MAX;
  }

  /** What was found; all that was not given to `take` is unknown. */
  found(): FoundTransactions {
    const aborted = [...this.#aborted].sort((left, right) => left.firstOffset - right.firstOffset);
    return { aborted, knownEnd: Math.min(this.#nextOffset, ...this.#firstOffsets.values()) };
  }

  #end(producerId: bigint, kind: MarkerKind): void {
    const firstOffset = this.#firstOffsets.get(producerId);
    if (kind === 'other' || firstOffset === undefined) return;
    this.#firstOffsets.delete(producerId);
    if (kind === 'abort') this.#aborted.push({ producerId, firstOffset, lastOffset: this.#nextOffset - 1 });
  }
}

/** One walk through a log in which some transactions are known to be aborted. Batches are given in order. */
export class TransactionWalk {
  readonly #aborted: readonly AbortedTransaction[];
  #nextAborted = 0;
  /** By producer, whether a batch of it was seen. */
  readonly #ongoingAborted = new Map<bigint, boolean>();
  readonly #ongoingCommitted = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#aborted = aborted;
  }

  /** Whether the batch at `at`, which is no control batch, belongs to an aborted transaction. */
  isAborted(bytes: Buffer, at: number): boolean {
    this.#begin(batch.lastOffset(bytes, at));
    if ((batch.attributes(bytes, at) & batch.TRANSACTIONAL_BIT) === 0) return false;
    const producerId = batch.producerId(bytes, at);
    if (!this.#ongoingAborted.has(producerId)) {
      this.#ongoingCommitted.add(producerId);
      return false;
    }
    this.#ongoingAborted.set(producerId, true);
    return true;
  }

  /** Whether no batch that is still there needs the marker at `at`. */
  isNeedless(bytes: Buffer, at: number): boolean {
    this.#begin(batch.lastOffset(bytes, at));
    const producerId = batch.producerId(bytes, at);
    switch (markerKindOf(bytes, at)) {
      case 'abort': {
        const isSeen = this.#ongoingAborted.get(producerId) === true;
        this.#ongoingAborted.delete(producerId);
        return !isSeen;
      }
      case 'commit':
        return !this.#ongoingCommitted.delete(producerId);
      case 'other':
        return false;
    }
  }

  #begin(offset: number): void {
    for (;;) {
      const next = this.#aborted[this.#nextAborted];
      if (next === undefined || next.firstOffset > offset) return;
      this.#nextAborted += 1;
      if (!this.#ongoingAborted.has(next.producerId)) this.#ongoingAborted.set(next.producerId, false);
    }
  }
}

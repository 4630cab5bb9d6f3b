/** Walks the batches of one partition in a Fetch answer: complete ones only, checked, without those that nobody wants. */
import { crc32c } from '../kernel/crc32c.ts';
import * as batch from '../protocol/records/batch.ts';
import { ClientError } from './client-error.ts';

/** One whole batch in `bytes`. */
export interface FetchedBatch {
  readonly bytes: Buffer;
  readonly position: number;
  /** Exclusive. */
  readonly end: number;
}

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** What whole batches an answer holds. */
export interface BatchSurvey {
  /** Where reading goes on behind the last of them; undefined when there is none. */
  readonly nextOffset: number | undefined;
  /** Records in all of them, control records too. */
  readonly recordCount: number;
}

export function surveyBatches(slices: readonly Buffer[]): BatchSurvey {
  let nextOffset: number | undefined;
  let recordCount = 0;
  for (const { bytes, position } of wholeBatches(slices)) {
    nextOffset = batch.lastOffset(bytes, position) + 1;
    recordCount += batch.recordCount(bytes, position);
  }
  return { nextOffset, recordCount };
}

/** All batches that are there to their end; an answer may stop in the middle of one. */
export function* wholeBatches(slices: readonly Buffer[]): Iterable<FetchedBatch> {
  for (const bytes of slices) {
    let position = 0;
    while (bytes.length - position >= batch.BATCH_HEADER_BYTES) {
      const end = position + batch.batchBytes(bytes, position);
      if (end > bytes.length) break;
      if (end < position + batch.BATCH_HEADER_BYTES) throw corrupt('a batch with a length that cannot be');
      yield { bytes, position, end };
      position = end;
    }
  }
}

/**
 * Checks one batch. Throws `ClientError` of kind `data` when it is not what its writer wrote, or is of the format that
 * Kafka gave up in 2017. `where` names the partition.
 */
export function checkBatch({ bytes, position, end }: FetchedBatch, where: string): void {
  const at = `${where}, offset ${batch.baseOffset(bytes, position)}`;
  if (batch.magic(bytes, position) !== batch.CURRENT_MAGIC) {
    throw new ClientError(
      'data',
      `${at}: a batch of format ${batch.magic(bytes, position)}, which streamctl does not read`,
    );
  }
  if (crc32c(bytes, position + batch.ATTRIBUTES_OFFSET, end) !== batch.crc(bytes, position)) {
    throw new ClientError('data', `${at}: the batch's checksum does not match its bytes`);
  }
}

/**
 * Leaves out control batches and the batches of aborted transactions. Made anew for each answer, whose list of aborted
 * transactions covers exactly its batches. Source: Kafka's CompletedFetch.java.
 */
export class TransactionFilter {
  /** By first offset, the next one last. */
  readonly #pending: AbortedTransaction[];
  readonly #aborting = new Set<bigint>();

  /** `aborted` null: nothing is left out but control batches. */
  constructor(aborted: readonly AbortedTransaction[] | null) {
    this.#pending = [...(aborted ?? [])].sort((left, right) => Number(right.firstOffset - left.firstOffset));
  }

  /** Whether the batch's records are for the reader. Called for each batch in order. */
  wants({ bytes, position }: FetchedBatch): boolean {
    const attributes = batch.attributes(bytes, position);
    const isControl = (attributes & batch.CONTROL_BIT) !== 0;
    if (this.#pending.length === 0 && this.#aborting.size === 0) return !isControl;
    const producerId = batch.producerId(bytes, position);
    this.#begin(BigInt(batch.lastOffset(bytes, position)));
    if (isControl) {
      // A marker ends the producer's transaction, whichever way; those that it committed are not in the list.
      this.#aborting.delete(producerId);
      return false;
    }
    return (attributes & batch.TRANSACTIONAL_BIT) === 0 || !this.#aborting.has(producerId);
  }

  #begin(lastOffset: bigint): void {
    for (let next = this.#pending.at(-1); next !== undefined; next = this.#pending.at(-1)) {
      if (next.firstOffset > lastOffset) return;
      this.#aborting.add(next.producerId);
      this.#pending.pop();
    }
  }
}

function corrupt(what: string): ClientError {
  return new ClientError('data', `the broker answered ${what}`);
}

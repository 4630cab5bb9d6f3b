/** A shard's log in memory, whose commits and failures a test decides. */
import type { CoordinatorLog, LogChunk } from '../../src/coordinator/coordinator-log.ts';
import { type Deferred, deferred } from '../../src/kernel/deferred.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import * as batch from '../../src/protocol/records/batch.ts';

interface Under {
  readonly bytes: Buffer;
  readonly committed: Deferred<void>;
}

export class FakeLog implements CoordinatorLog {
  startOffset = 0;
  sizeBytes = 0;
  readonly batches: Buffer[] = [];
  /** Thrown by the next append. */
  refusal: KafkaError | undefined;
  /** Whether appends are committed as soon as they are made. */
  isEager = true;
  /** Batches in one answer to a read. */
  chunkCount = 1;
  #underWay: Under[] = [];
  #nextOffset = 0;

  get endOffset(): number {
    const last = this.batches.at(-1);
    return last === undefined ? 0 : batch.lastOffset(last, 0) + 1;
  }

  append(bytes: Buffer, expectedBaseOffset: number): { lastOffset: number; committed: Promise<void> } {
    const { refusal } = this;
    this.refusal = undefined;
    if (refusal !== undefined) throw refusal;
    if (expectedBaseOffset !== this.#nextOffset) throw new KafkaError('NOT_LEADER_OR_FOLLOWER');
    const lastOffset = this.#nextOffset + batch.lastOffsetDelta(bytes, 0);
    batch.patchBaseOffset(bytes, 0, this.#nextOffset);
    this.#nextOffset = lastOffset + 1;
    const under = { bytes, committed: deferred<void>() };
    this.#underWay.push(under);
    if (this.isEager) this.commit();
    return { lastOffset, committed: under.committed.promise };
  }

  /** What is under way is on the disk. */
  commit(): void {
    for (const { bytes, committed } of this.#underWay.splice(0)) {
      this.batches.push(bytes);
      committed.resolve();
    }
  }

  /** What is under way is taken back. */
  lose(error: KafkaError): void {
    for (const { committed } of this.#underWay.splice(0)) committed.reject(error);
    this.#nextOffset = this.endOffset;
  }

  /** Somebody else writes. */
  write(bytes: Buffer): void {
    batch.patchBaseOffset(bytes, 0, this.#nextOffset);
    this.#nextOffset += batch.lastOffsetDelta(bytes, 0) + 1;
    this.batches.push(bytes);
  }

  async read(offset: number): Promise<LogChunk> {
    const from = this.batches.findIndex((bytes) => batch.lastOffset(bytes, 0) >= offset);
    const found = from === -1 ? [] : this.batches.slice(from, from + this.chunkCount);
    const last = found.at(-1);
    return {
      slices: found.length === 0 ? [] : [Buffer.concat(found)],
      nextOffset: last === undefined ? offset : batch.lastOffset(last, 0) + 1,
      release: () => undefined,
    };
  }
}

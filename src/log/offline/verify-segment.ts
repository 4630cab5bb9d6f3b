/**
 * Checks one `.log` (or a snapshot of KRaft's, which holds batches too) byte for byte: framing, magic, CRC, the order of offsets
 * and epochs, counts, and the records behind a good CRC. Nothing is written.
 */

import { crc32cFrom } from '../../kernel/crc32c.ts';
import type { DiskFile, Env } from '../../kernel/env.ts';
import { FileFindings } from '../../kernel/finding.ts';
import * as batch from '../../protocol/records/batch.ts';
import { codecOf, decompressSync } from '../../protocol/records/compression.ts';
import { forEachRecord } from '../../protocol/records/record-walk.ts';
import { scanBatches } from '../batch-scan.ts';
import { type EpochEntry, epochAt } from '../leader-epochs.ts';
import { HEAD_BYTES } from '../segment.ts';

export interface SegmentExpectations {
  /** The offset at which the first batch begins when no offset may be missing, else the smallest that it may have. */
  readonly firstOffset: number;
  /** Whether each batch begins where the one before it ends. */
  readonly dense: boolean;
  /** Whether missing offsets are told of where they are allowed. */
  readonly tellGaps: boolean;
  /** What leader-epoch-checkpoint says; undefined where it is not known. */
  readonly epochs: readonly EpochEntry[] | undefined;
  /** The newest leader epoch before this segment, -1 for none. */
  readonly lastEpoch: number;
  /** Batches from this offset on were never promised to be on the disk: what is wrong there the next recovery cuts. */
  readonly promisedEnd: number;
  /** Bytes of the file that count, exclusive; the whole file where undefined. */
  readonly limitBytes?: number | undefined;
  /** Whether compressed records are decompressed and walked too. */
  readonly deep: boolean;
  /** Called for each batch whose framing is right, with its place in the file. */
  readonly onBatch?: (bytes: Buffer, at: number, position: number) => void;
}

export interface SegmentResult {
  readonly findings: FileFindings;
  /** The offset after the last batch that was walked. */
  readonly endOffset: number;
  readonly lastEpoch: number;
  /** As `Segment.headsCrc`, over what was walked. */
  readonly headsCrc: number;
  /** Where the walk ended; the file's size when all of it is batches. */
  readonly walkedBytes: number;
  readonly fileBytes: number;
}

const DECOMPRESSED_BYTES_MAX = 256 * 1024 * 1024;

export async function verifySegment(env: Env, path: string, wanted: SegmentExpectations): Promise<SegmentResult> {
  const file = await env.disk.open(path, 'r');
  try {
    return await new SegmentWalk(path, wanted).run(file);
  } finally {
    await file.close();
  }
}

class SegmentWalk {
  readonly #findings: FileFindings;
  readonly #wanted: SegmentExpectations;
  #endOffset: number;
  #lastEpoch: number;
  #headsCrc = 0;

  constructor(path: string, wanted: SegmentExpectations) {
    this.#findings = new FileFindings(path);
    this.#wanted = wanted;
    this.#endOffset = wanted.firstOffset;
    this.#lastEpoch = wanted.lastEpoch;
  }

  async run(file: DiskFile): Promise<SegmentResult> {
    const fileBytes = await file.size();
    const to = Math.min(fileBytes, this.#wanted.limitBytes ?? fileBytes);
    const end = await scanBatches(file, { from: 0, to, wholeBatches: true }, (bytes, at, position) => {
      this.#check(bytes, at, position);
      return 'next';
    });
    if (end.outcome === 'bad') {
      const text = `no batch begins here, and the ${to - end.position} bytes from here on are not looked at`;
      this.#say('framing', text, end.position, this.#endOffset);
    }
    return {
      findings: this.#findings,
      endOffset: this.#endOffset,
      lastEpoch: this.#lastEpoch,
      headsCrc: this.#headsCrc,
      walkedBytes: end.position,
      fileBytes,
    };
  }

  #check(bytes: Buffer, at: number, position: number): void {
    const baseOffset = batch.baseOffset(bytes, at);
    const say = (rule: string, text: string): void => this.#say(rule, text, position, baseOffset);
    this.#headsCrc = crc32cFrom(this.#headsCrc, bytes, at, at + HEAD_BYTES);
    const isWhole = batch.crc(bytes, at) === batch.computeCrc(bytes, at);
    if (!isWhole) say('crc', 'the CRC of the batch does not match its bytes');
    this.#checkPlace(bytes, at, position, baseOffset, say);
    if (isWhole) this.#checkRecords(bytes, at, say);
    this.#wanted.onBatch?.(bytes, at, position);
    const lastOffset = batch.lastOffset(bytes, at);
    if (Number.isSafeInteger(lastOffset)) this.#endOffset = Math.max(this.#endOffset, lastOffset + 1);
  }

  #checkPlace(
    bytes: Buffer,
    at: number,
    position: number,
    baseOffset: number,
    say: (rule: string, text: string) => void,
  ): void {
    const { dense, epochs, tellGaps } = this.#wanted;
    const inOrder = dense ? baseOffset === this.#endOffset : baseOffset >= this.#endOffset;
    if (!inOrder) say('offsets', `the batch begins at offset ${baseOffset} where ${this.#endOffset} comes next`);
    if (inOrder && tellGaps && baseOffset > this.#endOffset) {
      const text = `${baseOffset - this.#endOffset} offsets are missing before it: compacted by another broker, or a changed byte`;
      this.#findings.add('unchecked', 'gap', text, { position, offset: baseOffset });
    }
    const epoch = batch.leaderEpoch(bytes, at);
    if (epoch < this.#lastEpoch) say('epochs', `leader epoch ${epoch} after ${this.#lastEpoch}`);
    const known = epochs === undefined || epochs.length === 0 ? undefined : epochAt(epochs, baseOffset);
    if (known !== undefined && known >= 0 && known !== epoch) {
      say('epochs', `leader epoch ${epoch}, and ${known} by leader-epoch-checkpoint`);
    }
    this.#lastEpoch = Math.max(this.#lastEpoch, epoch);
    const count = batch.recordCount(bytes, at);
    const delta = batch.lastOffsetDelta(bytes, at);
    if (delta < 0 || count < 0 || (dense ? count !== delta + 1 : count > delta + 1)) {
      say('count', `${count} records, and a last offset delta of ${delta}`);
    }
  }

  #checkRecords(bytes: Buffer, at: number, say: (rule: string, text: string) => void): void {
    const codec = codecOf(batch.attributes(bytes, at));
    if (codec === undefined) {
      say('codec', 'a compression that does not exist');
      return;
    }
    if (codec !== 'none' && !this.#wanted.deep) return;
    const start = at + batch.BATCH_HEADER_BYTES;
    const end = at + batch.batchBytes(bytes, at);
    try {
      const records =
        codec === 'none'
          ? bytes.subarray(start, end)
          : decompressSync(codec, bytes.subarray(start, end), DECOMPRESSED_BYTES_MAX);
      let last = -1;
      forEachRecord(records, 0, records.length, batch.recordCount(bytes, at), ({ offsetDelta }) => {
        if (offsetDelta <= last) say('records', `a record's offset delta ${offsetDelta} after ${last}`);
        last = offsetDelta;
      });
      const delta = batch.lastOffsetDelta(bytes, at);
      if (last > delta) say('records', `a record's offset delta ${last}, and ${delta} is the last of the batch`);
    } catch (error) {
      say('records', error instanceof Error ? error.message : String(error));
    }
  }

  #say(rule: string, text: string, position: number, offset: number): void {
    const severity = this.#endOffset >= this.#wanted.promisedEnd ? 'unchecked' : 'damage';
    const more =
      severity === 'damage' ? '' : ' (past what was on the disk for certain: the next recovery ends the log here)';
    this.#findings.add(severity, rule, `${text}${more}`, { position, offset });
  }
}

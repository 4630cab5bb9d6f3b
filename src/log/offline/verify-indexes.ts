/**
 * Checks the index files of a segment against its batches, which are shown to it in order: each entry must name a batch that is
 * there (contract 4.3, 4.6). An index can be built anew, so nothing here is more than `derivable`.
 */
import { crc32c } from '../../kernel/crc32c.ts';
import type { Env } from '../../kernel/env.ts';
import { FileFindings } from '../../kernel/finding.ts';
import * as batch from '../../protocol/records/batch.ts';
import { readFileIfThere } from '../atomic-file.ts';
import { OFFSET_INDEX_ENTRY_BYTES } from '../offset-index.ts';
import { TIME_INDEX_ENTRY_BYTES } from '../time-index.ts';

/** Of a `.txnindex`: int16 version 0, int64 producer id, first offset, last offset, last stable offset (Kafka's AbortedTxn). */
const TXN_INDEX_ENTRY_BYTES = 34;

/** What the close record says of an index file. */
export interface IndexDigest {
  readonly entries: number;
  readonly crc: number | undefined;
}

export class OffsetIndexCheck {
  readonly findings: FileFindings;
  readonly #bytes: Buffer;
  readonly #baseOffset: number;
  #at = 0;

  constructor(path: string, content: Buffer, baseOffset: number) {
    this.findings = new FileFindings(path);
    this.#baseOffset = baseOffset;
    this.#bytes = wholeEntries(this.findings, content, OFFSET_INDEX_ENTRY_BYTES);
  }

  batch(bytes: Buffer, at: number, position: number): void {
    while (this.#at < this.#bytes.length && this.#bytes.readInt32BE(this.#at + 4) < position) this.#stray();
    if (this.#at >= this.#bytes.length || this.#bytes.readInt32BE(this.#at + 4) !== position) return;
    const offset = this.#baseOffset + this.#bytes.readInt32BE(this.#at);
    if (offset !== batch.lastOffset(bytes, at)) {
      const text = `the batch at ${position} ends at offset ${batch.lastOffset(bytes, at)}, not ${offset}`;
      this.findings.add('derivable', 'index', text, { position: this.#at, offset });
    }
    this.#at += OFFSET_INDEX_ENTRY_BYTES;
  }

  end(): void {
    while (this.#at < this.#bytes.length) this.#stray();
  }

  #stray(): void {
    const position = this.#bytes.readInt32BE(this.#at + 4);
    const offset = this.#baseOffset + this.#bytes.readInt32BE(this.#at);
    this.findings.add('derivable', 'index', `no batch begins at ${position}`, { position: this.#at, offset });
    this.#at += OFFSET_INDEX_ENTRY_BYTES;
  }
}

export class TimeIndexCheck {
  readonly findings: FileFindings;
  readonly #bytes: Buffer;
  readonly #baseOffset: number;
  #at = 0;
  #largest = -1n;
  /** Entries that name a record within its batch, and all. */
  readonly #within: { readonly position: number; readonly offset: number }[] = [];
  #count = 0;

  constructor(path: string, content: Buffer, baseOffset: number) {
    this.findings = new FileFindings(path);
    this.#baseOffset = baseOffset;
    this.#bytes = wholeEntries(this.findings, content, TIME_INDEX_ENTRY_BYTES);
  }

  batch(bytes: Buffer, at: number): void {
    const timestamp = batch.newestTimestamp(bytes, at);
    if (timestamp > this.#largest) this.#largest = timestamp;
    const lastOffset = batch.lastOffset(bytes, at);
    while (this.#at < this.#bytes.length && this.#offset <= lastOffset) {
      const wanted = this.#bytes.readBigInt64BE(this.#at);
      const holds = this.#offset >= batch.baseOffset(bytes, at) && wanted === this.#largest && wanted === timestamp;
      if (!holds) {
        const text = `${wanted} is not the largest timestamp up to offset ${this.#offset}`;
        this.findings.add('derivable', 'timeindex', text, { position: this.#at, offset: this.#offset });
      }
      if (holds && this.#offset !== lastOffset) this.#within.push({ position: this.#at, offset: this.#offset });
      this.#count += 1;
      this.#at += TIME_INDEX_ENTRY_BYTES;
    }
  }

  end(): void {
    for (; this.#at < this.#bytes.length; this.#at += TIME_INDEX_ENTRY_BYTES) {
      const place = { position: this.#at, offset: this.#offset };
      this.findings.add('derivable', 'timeindex', `no batch holds offset ${this.#offset}`, place);
    }
    // Kafka 4 names the last record of the batch, releases before it the record with the time.
    const isOlder = this.#within.length * 2 > this.#count;
    for (const place of this.#within) {
      const text = `offset ${place.offset} is not the last one of its batch${isOlder ? ': an older release may have written it' : ''}`;
      this.findings.add(isOlder ? 'unchecked' : 'derivable', 'timeindex', text, place);
    }
  }

  get #offset(): number {
    return this.#baseOffset + this.#bytes.readInt32BE(this.#at + 8);
  }
}

/** What the close record says of the file: every byte of it. */
export function checkDigest(findings: FileFindings, content: Buffer, entryBytes: number, digest: IndexDigest): void {
  if (content.length !== digest.entries * entryBytes) {
    const text = `${content.length} bytes, and ${digest.entries * entryBytes} when it was closed`;
    findings.add('derivable', 'digest', text);
  } else if (digest.crc !== undefined && crc32c(content) !== digest.crc) {
    findings.add('derivable', 'digest', 'it does not hold what it held when it was closed');
  }
}

/** Checks a `.txnindex`; the answer is empty where there is none. */
export async function verifyTransactionIndex(env: Env, path: string, baseOffset: number): Promise<FileFindings> {
  const findings = new FileFindings(path);
  const content = (await readFileIfThere(env.disk, path)) ?? Buffer.alloc(0);
  const bytes = wholeEntries(findings, content, TXN_INDEX_ENTRY_BYTES);
  for (let at = 0; at < bytes.length; at += TXN_INDEX_ENTRY_BYTES) {
    const first = bytes.readBigInt64BE(at + 10);
    const last = bytes.readBigInt64BE(at + 18);
    const isSound = bytes.readInt16BE(at) === 0 && bytes.readBigInt64BE(at + 2) >= 0n && first <= last;
    if (!isSound || last < BigInt(baseOffset)) {
      const text = `an aborted transaction from ${first} to ${last} that cannot be`;
      findings.add('derivable', 'txnindex', text, { position: at, offset: Number(last) });
    }
  }
  return findings;
}

/** The entries without a rest; a live broker of Kafka's keeps its index files longer than they are filled, with zeros. */
function wholeEntries(findings: FileFindings, content: Buffer, entryBytes: number): Buffer {
  let end = content.length - (content.length % entryBytes);
  if (end !== content.length) {
    findings.add('derivable', 'size', `${content.length} bytes are no multiple of ${entryBytes}`, { position: end });
  }
  const isZero = (at: number): boolean => content.subarray(at, at + entryBytes).every((byte) => byte === 0);
  while (end > 0 && isZero(end - entryBytes)) end -= entryBytes;
  return content.subarray(0, end);
}

/**
 * Checks the directory of one partition: its segments one after the other, with their indexes, snapshots, leader epochs and
 * identity; and by the close record, where it counts, every byte of every file. One finding list a file.
 */
import { crc32c } from '../../kernel/crc32c.ts';
import type { Env } from '../../kernel/env.ts';
import { FileFindings, type Finding } from '../../kernel/finding.ts';
import { PRODUCERS_FILE_BYTES_MAX, readFileIfThere } from '../atomic-file.ts';
import { type ClosedPartition, type ClosedSegment, digestsOf, hexCrc } from '../close-record.ts';
import { LEADER_EPOCH_FILE, parseLeaderEpochFile } from '../leader-epoch-file.ts';
import type { EpochEntry } from '../leader-epochs.ts';
import { OFFSET_INDEX_ENTRY_BYTES } from '../offset-index.ts';
import { formatPartitionMetadata, PARTITION_METADATA_FILE, parsePartitionMetadata } from '../partition-metadata.ts';
import { parseSegmentFileName, segmentFileName } from '../segment-files.ts';
import { TIME_INDEX_ENTRY_BYTES } from '../time-index.ts';
import { checkDigest, OffsetIndexCheck, TimeIndexCheck, verifyTransactionIndex } from './verify-indexes.ts';
import { ProducerCheck } from './verify-producers.ts';
import { verifySegment } from './verify-segment.ts';

export interface PartitionExpectations {
  /** Whether it is of a directory of ours: no offset is missing between batches, unless the close record says so. */
  readonly ours: boolean;
  /** Whether compaction has been at work on it, as far as is known: missing offsets are what it leaves. */
  readonly compacted: boolean;
  /** By the metadata log; undefined where that is not known. */
  readonly topicId: string | undefined;
  /** What the close record says; only when nothing was written since. */
  readonly closed: ClosedPartition | undefined;
  /** What was promised to be on the disk (exclusive); Infinity after a clean close. */
  readonly promisedEnd: number;
  readonly logStartOffset: number;
  /** A broker is at work on it: what lies past the promise is not looked at. */
  readonly live: boolean;
  readonly deep: boolean;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

export interface PartitionResult {
  readonly findings: readonly Finding[];
  /** The offset after the last batch. */
  readonly endOffset: number;
}

export async function verifyPartition(
  env: Env,
  directory: string,
  wanted: PartitionExpectations,
): Promise<PartitionResult> {
  return await new PartitionCheck(env, directory, wanted).run();
}

/** segment.index.bytes is a 32-bit number. */
const INDEX_FILE_BYTES_MAX = 2 ** 31;
/** What stands in Kafka's and our partition directories beside the files of segments. */
const OTHER_FILES = /^(leader-epoch-checkpoint|partition\.metadata|quorum-state|.*\.checkpoint|.*\.txnindex)$/;

class PartitionCheck {
  readonly #env: Env;
  readonly #directory: string;
  readonly #wanted: PartitionExpectations;
  readonly #dense: boolean;
  readonly #producers: ProducerCheck;
  readonly #findings: Finding[] = [];
  #names: readonly string[] = [];
  #epochs: readonly EpochEntry[] | undefined;
  /** Where the batches begin that are there. */
  #firstBase = 0;
  #nextOffset = 0;
  #lastEpoch = -1;

  constructor(env: Env, directory: string, wanted: PartitionExpectations) {
    this.#env = env;
    this.#directory = directory;
    this.#wanted = wanted;
    this.#dense = wanted.ours && wanted.closed?.gaps !== true && !wanted.compacted;
    this.#producers = new ProducerCheck(this.#dense);
  }

  async run(): Promise<PartitionResult> {
    this.#names = await this.#env.disk.list(this.#directory);
    await this.#checkIdentity();
    await this.#checkEpochs();
    const bases = this.#offsetsOf('.log');
    this.#checkSegmentNames(bases);
    this.#firstBase = bases[0] ?? this.#wanted.logStartOffset;
    this.#nextOffset = this.#firstBase;
    for (const [index, base] of bases.entries()) await this.#checkSegment(base, index === bases.length - 1);
    await this.#checkSnapshots(this.#offsetsOf('.snapshot').filter((offset) => !bases.includes(offset)));
    this.#checkEnd();
    this.#checkNames(bases);
    return { findings: this.#findings, endOffset: this.#nextOffset };
  }

  #offsetsOf(suffix: string): number[] {
    const parsed = this.#names.map(parseSegmentFileName);
    return parsed.flatMap((name) => (name?.suffix === suffix ? [name.offset] : []));
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`;
  }

  /** What is no regular file is told, and is as good as missing. */
  async #read(name: string, bytesMax?: number): Promise<Buffer | undefined> {
    const path = this.#path(name);
    const stat = await this.#env.disk.stat(path);
    if (stat === undefined || stat.kind === 'file') return readFileIfThere(this.#env.disk, path, bytesMax);
    if (!this.#findings.some(({ file, rule }) => file === path && rule === 'kind')) {
      this.#say(name, 'damage', 'kind', 'it is no regular file');
    }
    return undefined;
  }

  #take(findings: FileFindings): void {
    this.#findings.push(...findings.all);
  }

  #say(name: string, severity: Finding['severity'], rule: string, text: string, offset?: number): void {
    const findings = new FileFindings(name === '' ? this.#directory : this.#path(name));
    findings.add(severity, rule, text, { offset });
    this.#take(findings);
  }

  async #checkIdentity(): Promise<void> {
    const content = await this.#read(PARTITION_METADATA_FILE);
    if (content === undefined) {
      if (this.#wanted.ours) this.#say(PARTITION_METADATA_FILE, 'damage', 'missing', 'it is missing');
      return;
    }
    const topicId = parsePartitionMetadata(content.toString('latin1'));
    const known = this.#wanted.topicId ?? this.#wanted.closed?.topicId;
    if (topicId === undefined) {
      this.#say(PARTITION_METADATA_FILE, 'damage', 'format', 'it does not say a topic id');
    } else if (known !== undefined && content.toString('latin1') !== formatPartitionMetadata(known)) {
      this.#say(PARTITION_METADATA_FILE, 'damage', 'identity', `topic id ${topicId}, and ${known} by the metadata`);
    } else if (known === undefined) {
      this.#say(PARTITION_METADATA_FILE, 'unchecked', 'no checksum', 'nothing else here says the topic id');
    }
  }

  async #checkEpochs(): Promise<void> {
    const content = await this.#read(LEADER_EPOCH_FILE);
    const { closed } = this.#wanted;
    if (content === undefined) {
      if (closed !== undefined) this.#say(LEADER_EPOCH_FILE, 'derivable', 'missing', 'it is missing');
      return;
    }
    this.#epochs = parseLeaderEpochFile(content.toString('latin1'));
    if (this.#epochs === undefined) {
      this.#say(LEADER_EPOCH_FILE, 'derivable', 'format', 'it does not parse');
    } else if (closed?.epochs !== undefined && hexCrc(crc32c(content)) !== closed.epochs) {
      this.#say(LEADER_EPOCH_FILE, 'derivable', 'digest', 'it does not hold what it held when it was closed');
    }
  }

  #checkSegmentNames(bases: readonly number[]): void {
    const { closed } = this.#wanted;
    for (const { baseOffset } of closed?.segments ?? []) {
      if (bases.includes(baseOffset)) continue;
      this.#say(segmentFileName(baseOffset, '.log'), 'damage', 'missing', 'it is missing', baseOffset);
    }
    if (closed === undefined) return;
    const known = new Set(closed.segments.map(({ baseOffset }) => baseOffset));
    for (const base of bases) {
      if (known.has(base)) continue;
      this.#say(segmentFileName(base, '.log'), 'damage', 'unknown', 'it was not there when it was closed', base);
    }
  }

  async #checkSegment(base: number, isLast: boolean): Promise<void> {
    const { closed, live, deep, onBytes } = this.#wanted;
    const name = segmentFileName(base, '.log');
    // Ours leaves none between segments, whatever it compacts.
    if (this.#wanted.ours ? base !== this.#nextOffset : base < this.#nextOffset) {
      const text = `it begins at offset ${base}, and the segment before it ends at ${this.#nextOffset}`;
      this.#say(name, base >= this.#wanted.promisedEnd ? 'unchecked' : 'damage', 'hole', text, base);
    }
    const stat = await this.#env.disk.stat(this.#path(name));
    if (stat?.kind !== 'file') {
      this.#say(name, 'damage', 'kind', 'it is no regular file', base);
      return;
    }
    await this.#checkSnapshotAt(base);
    const offsetIndex = new OffsetIndexCheck(
      this.#path(segmentFileName(base, '.index')),
      await this.#indexOf(base, '.index'),
      base,
    );
    const timeIndex = new TimeIndexCheck(
      this.#path(segmentFileName(base, '.timeindex')),
      await this.#indexOf(base, '.timeindex'),
      base,
    );
    const logFindings = new FileFindings(this.#path(name));
    const result = await verifySegment(this.#env, this.#path(name), {
      firstOffset: base,
      dense: this.#dense,
      tellGaps: !this.#dense && !this.#wanted.compacted && closed?.gaps !== true,
      epochs: this.#epochs,
      lastEpoch: this.#lastEpoch,
      promisedEnd: this.#wanted.promisedEnd,
      deep,
      onBatch: (bytes, at, position) => {
        offsetIndex.batch(bytes, at, position);
        timeIndex.batch(bytes, at);
        this.#producers.batch(logFindings, bytes, at, position);
      },
    });
    onBytes?.(result.fileBytes);
    const recorded = closed?.segments.find(({ baseOffset }) => baseOffset === base);
    this.#findings.push(...result.findings.all.filter(({ severity }) => !live || severity === 'damage'));
    this.#take(logFindings);
    if (recorded !== undefined) this.#checkRecorded(name, recorded, result);
    // What is behind bytes that are no batch was not walked: its entries are not wrong for that.
    if (result.walkedBytes === result.fileBytes && !(live && isLast)) {
      offsetIndex.end();
      timeIndex.end();
    }
    await this.#checkIndexFiles(base, recorded, offsetIndex.findings, timeIndex.findings);
    this.#nextOffset = result.endOffset;
    this.#lastEpoch = result.lastEpoch;
  }

  #checkRecorded(name: string, recorded: ClosedSegment, result: Awaited<ReturnType<typeof verifySegment>>): void {
    const { headsCrc } = digestsOf(recorded);
    if (result.fileBytes !== recorded.logBytes) {
      this.#say(name, 'damage', 'size', `${result.fileBytes} bytes, and ${recorded.logBytes} when it was closed`);
    } else if (headsCrc === undefined) {
      this.#say(name, 'unchecked', 'no digest', 'the first 17 bytes of its batches are checked by their order alone');
    } else if (headsCrc !== result.headsCrc) {
      this.#say(name, 'damage', 'digest', 'the heads of its batches are not what they were when it was closed');
    }
  }

  async #indexOf(base: number, suffix: '.index' | '.timeindex'): Promise<Buffer> {
    return (await this.#read(segmentFileName(base, suffix), INDEX_FILE_BYTES_MAX)) ?? Buffer.alloc(0);
  }

  async #checkIndexFiles(
    base: number,
    recorded: ClosedSegment | undefined,
    index: FileFindings,
    timeIndex: FileFindings,
  ): Promise<void> {
    if (recorded !== undefined) {
      const { indexCrc, timeIndexCrc } = digestsOf(recorded);
      const digest = { entries: recorded.indexEntries, crc: indexCrc };
      checkDigest(index, await this.#indexOf(base, '.index'), OFFSET_INDEX_ENTRY_BYTES, digest);
      const timeDigest = { entries: recorded.timeIndexEntries, crc: timeIndexCrc };
      checkDigest(timeIndex, await this.#indexOf(base, '.timeindex'), TIME_INDEX_ENTRY_BYTES, timeDigest);
    }
    this.#take(index);
    this.#take(timeIndex);
    const transactions = this.#path(`${segmentFileName(base, '.log').slice(0, -4)}.txnindex`);
    this.#take(await verifyTransactionIndex(this.#env, transactions, base));
    const missing = (['.index', '.timeindex'] as const).filter(
      (suffix) => !this.#names.includes(segmentFileName(base, suffix)),
    );
    if (recorded === undefined && this.#wanted.ours) return;
    for (const suffix of missing)
      this.#say(segmentFileName(base, suffix), 'derivable', 'missing', 'it is missing', base);
  }

  async #checkSnapshotAt(offset: number): Promise<void> {
    const name = segmentFileName(offset, '.snapshot');
    const content = this.#names.includes(name) ? await this.#read(name, PRODUCERS_FILE_BYTES_MAX) : undefined;
    const from = this.#firstBase;
    if (content !== undefined) this.#take(this.#producers.snapshot(this.#path(name), content, from));
  }

  /** Those that are at no segment's base: only the one at the log's end can be compared. */
  async #checkSnapshots(offsets: readonly number[]): Promise<void> {
    for (const offset of offsets) {
      const name = segmentFileName(offset, '.snapshot');
      const content = await this.#read(name, PRODUCERS_FILE_BYTES_MAX);
      if (content === undefined) continue;
      const from = offset === this.#nextOffset ? this.#firstBase : Number.POSITIVE_INFINITY;
      this.#take(this.#producers.snapshot(this.#path(name), content, from));
    }
    const end = this.#wanted.closed?.endOffset;
    if (end === undefined || this.#names.includes(segmentFileName(end, '.snapshot'))) return;
    this.#say(segmentFileName(end, '.snapshot'), 'derivable', 'missing', 'it is missing', end);
  }

  #checkEnd(): void {
    const { closed, promisedEnd } = this.#wanted;
    const promised = closed?.endOffset ?? (Number.isFinite(promisedEnd) ? promisedEnd : 0);
    if (this.#nextOffset >= promised) return;
    this.#say('', 'damage', 'end', `the log ends at offset ${this.#nextOffset}, and was on the disk up to ${promised}`);
  }

  #checkNames(bases: readonly number[]): void {
    const known = new Set(bases);
    for (const name of this.#names) {
      const parsed = parseSegmentFileName(name);
      const isIndex = parsed?.suffix === '.index' || parsed?.suffix === '.timeindex';
      if (isIndex && !known.has(parsed.offset)) {
        this.#say(name, 'unchecked', 'stray', 'an index of no segment: the broker removes it');
      } else if (parsed === undefined && /^\d{20}\.log$/.test(name)) {
        this.#say(name, 'damage', 'name', 'no offset can be that large');
      } else if (parsed === undefined && !OTHER_FILES.test(name)) {
        this.#say(name, 'unchecked', 'stray', 'a file that is no part of a log');
      }
    }
  }
}

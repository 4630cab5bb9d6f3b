/**
 * Checks a broker's log directory, ours or a real Kafka's: its own files, each partition, and what the files say of each other.
 * Of one of ours that was closed cleanly the close record has digests, so that any byte that changed since is found.
 */
import { crc32c } from '../../kernel/crc32c.ts';
import type { Env } from '../../kernel/env.ts';
import { FileFindings, type Finding } from '../../kernel/finding.ts';
import { PRODUCERS_FILE_BYTES_MAX, readFileIfThere } from '../atomic-file.ts';
import { parseOffsetCheckpoint } from '../checkpoint-file.ts';
import { CLEAN_MARKER_FILE, formatCleanMarker } from '../clean-marker.ts';
import {
  CLOSE_RECORD_FILE,
  type ClosedPartition,
  type CloseRecord,
  hexCrc,
  parseCloseRecord,
  parseCloseRecordLine,
} from '../close-record.ts';
import { LOG_STARTS_FILE, type LogStart, parseLogStarts } from '../log-starts.ts';
import { META_PROPERTIES_FILE, parseMetaProperties } from '../meta-properties.ts';
import { verifyPartition } from './verify-partition.ts';
import { verifySetAside } from './verify-set-aside.ts';

/** What is known of a directory of ours from the files above it. */
export interface OwnDirectory {
  /** brokers/<id> */
  readonly brokerDirectory: string;
  /** undefined: the file above cannot be read. */
  readonly clusterId: string | undefined;
  readonly brokerId: number;
  /** Of the newest registration. */
  readonly brokerEpoch: number | undefined;
  /** Whether the metadata says that there are records, and a log directory with them. */
  readonly hadLogs: boolean;
  /** Topic ids by topic; undefined when the metadata cannot be read. */
  readonly topicIds: ReadonlyMap<string, string> | undefined;
}

export interface VerifyOptions {
  /** A broker is at work in it. */
  readonly live: boolean;
  readonly deep: boolean;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Of the logs that were compacted. */
const CLEANER_CHECKPOINT = 'cleaner-offset-checkpoint';
const CHECKPOINTS = [
  'recovery-point-offset-checkpoint',
  'replication-offset-checkpoint',
  'log-start-offset-checkpoint',
  CLEANER_CHECKPOINT,
];
/** What a real Kafka's directory holds beside those. */
const KNOWN_TO_KAFKA = /^(\.lock|\.kafka_cleanshutdown|bootstrap\.checkpoint)$/;
const PARTITION = /^(.+)-(\d+)$/;
const RETIRED = /\.[0-9a-f]{32}-(delete|stray|future)$/;

export async function* verifyLogDirectory(
  env: Env,
  directory: string,
  own: OwnDirectory | undefined,
  options: VerifyOptions,
): AsyncGenerator<Finding> {
  const check = new DirectoryCheck(env, directory, own, options);
  yield* await check.ownFiles();
  for (const name of check.partitions()) yield* await check.partition(name);
  yield* check.end();
  if (own !== undefined) yield* await verifySetAside(env, `${own.brokerDirectory}/cut`);
}

class DirectoryCheck {
  readonly #env: Env;
  readonly #directory: string;
  readonly #own: OwnDirectory | undefined;
  readonly #options: VerifyOptions;
  readonly #checkpoints = new Map<string, ReadonlyMap<string, number>>();
  #logStarts: ReadonlyMap<string, LogStart> = new Map();
  readonly #ends = new Map<string, number>();
  readonly #irregular: Finding[] = [];
  #names: readonly string[] = [];
  #record: CloseRecord | undefined;
  #isClean = false;

  constructor(env: Env, directory: string, own: OwnDirectory | undefined, options: VerifyOptions) {
    this.#env = env;
    this.#directory = directory;
    this.#own = own;
    this.#options = options;
  }

  async ownFiles(): Promise<Finding[]> {
    const isThere = (await this.#env.disk.stat(this.#directory)) !== undefined;
    this.#names = isThere ? await this.#env.disk.list(this.#directory) : [];
    this.#isClean = this.#names.includes(CLEAN_MARKER_FILE) && !this.#options.live;
    const found: Finding[] = [];
    const own = this.#own;
    if (own !== undefined) {
      found.push(...(await this.#closeRecord(own)), ...(await this.#marker(own)), ...(await this.#starts(own)));
    }
    const lineCount = this.#record?.linesByName.size ?? 0;
    if (!isThere) {
      const text = `it is missing${lineCount > 0 ? `, and the close record names ${lineCount} partitions in it` : ' with all its records'}`;
      const isLost = lineCount > 0 || own?.hadLogs === true;
      return isLost ? [...found, ...this.#one(this.#directory, 'damage', 'missing', text)] : found;
    }
    found.push(...(await this.#properties()));
    for (const name of CHECKPOINTS) found.push(...(await this.#checkpoint(name)));
    return [...this.#irregular, ...found];
  }

  partitions(): string[] {
    return this.#names.filter((name) => PARTITION.test(name) && !RETIRED.test(name));
  }

  async partition(name: string): Promise<readonly Finding[]> {
    const path = `${this.#directory}/${name}`;
    if ((await this.#env.disk.stat(path))?.kind !== 'directory') {
      return this.#one(path, 'damage', 'kind', 'a partition of that name would be a folder');
    }
    const closed = this.#closed(name);
    const topicId = this.#own?.topicIds?.get(PARTITION.exec(name)?.[1] ?? '');
    const isUnknown = this.#own?.topicIds !== undefined && topicId === undefined;
    if (isUnknown) return this.#one(path, 'unchecked', 'stray', 'no topic of the cluster has such a partition');
    const isPromised = this.#own === undefined ? this.#isClean : closed !== undefined;
    const recoveryPoint = this.#checkpoints.get(CHECKPOINTS[0] ?? '')?.get(name) ?? 0;
    const result = await verifyPartition(this.#env, path, {
      ours: this.#own !== undefined,
      compacted: this.#checkpoints.get(CLEANER_CHECKPOINT)?.has(name) === true,
      topicId,
      closed,
      promisedEnd: isPromised ? Number.POSITIVE_INFINITY : recoveryPoint,
      logStartOffset: closed?.logStartOffset ?? this.#logStartOf(name),
      ...this.#options,
    });
    this.#ends.set(name, result.endOffset);
    const damagedAt = this.#lineOf(name)?.damagedAt;
    if (damagedAt !== undefined) {
      const text = `the broker found it damaged at offset ${damagedAt}: it takes no appends`;
      return [...result.findings, ...this.#one(path, 'damage', 'known', text, damagedAt)];
    }
    if (this.#own === undefined || !this.#isClean || closed !== undefined) return result.findings;
    const text = 'it is in no line of the close record: the next open walks all of it';
    return [...result.findings, ...this.#one(path, 'derivable', 'no record', text)];
  }

  /** What only the whole directory can tell. */
  *end(): Generator<Finding> {
    for (const [file, offsets] of this.#checkpoints) {
      for (const [name, offset] of offsets) {
        const end = this.#ends.get(name);
        if (end === undefined || offset <= end || this.#options.live) continue;
        const text = `${name} at ${offset}, and its log ends at ${end}`;
        yield* this.#one(`${this.#directory}/${file}`, 'damage', 'offsets', text, offset);
      }
    }
    for (const name of this.#isClean ? (this.#record?.linesByName.keys() ?? []) : []) {
      if (this.#ends.has(name) || this.#own?.topicIds?.has(PARTITION.exec(name)?.[1] ?? '') === false) continue;
      yield* this.#one(
        `${this.#directory}/${name}`,
        'damage',
        'missing',
        'the close record names it, and it is missing',
      );
    }
    for (const name of this.#names) {
      if (RETIRED.test(name)) {
        yield* this.#one(`${this.#directory}/${name}`, 'unchecked', 'stray', 'a log that was deleted or put aside');
      } else if (!PARTITION.test(name) && !this.#isKnown(name)) {
        yield* this.#one(
          `${this.#directory}/${name}`,
          'unchecked',
          'stray',
          'a file that is no part of a log directory',
        );
      }
    }
  }

  #isKnown(name: string): boolean {
    return KNOWN_TO_KAFKA.test(name) || name === META_PROPERTIES_FILE || CHECKPOINTS.includes(name);
  }

  #closed(name: string): ClosedPartition | undefined {
    const closed = this.#isClean ? this.#lineOf(name) : undefined;
    return closed?.damagedAt === undefined ? closed : undefined;
  }

  #lineOf(name: string): ClosedPartition | undefined {
    const line = this.#record?.linesByName.get(name);
    return line === undefined ? undefined : parseCloseRecordLine(line);
  }

  async #closeRecord(own: OwnDirectory): Promise<Finding[]> {
    const path = `${own.brokerDirectory}/${CLOSE_RECORD_FILE}`;
    const content = await this.#read(path, PRODUCERS_FILE_BYTES_MAX);
    if (content === undefined) {
      const isNeeded = this.#isClean && this.partitions().length > 0;
      return isNeeded ? this.#one(path, 'derivable', 'missing', 'it is missing: the next open walks all logs') : [];
    }
    try {
      this.#record = parseCloseRecord(content);
    } catch (error) {
      return this.#one(path, 'damage', 'format', error instanceof Error ? error.message : String(error));
    }
    if (this.#record === undefined) return this.#one(path, 'derivable', 'crc', 'its CRC does not match');
    if (this.#isClean && this.#record.files === undefined && this.#record.linesByName.size > 0) {
      return this.#one(
        path,
        'unchecked',
        'no digest',
        'an older release wrote it: it has no digests of what lies in log/',
      );
    }
    return [];
  }

  async #starts(own: OwnDirectory): Promise<Finding[]> {
    const path = `${own.brokerDirectory}/${LOG_STARTS_FILE}`;
    const content = await this.#read(path);
    if (content === undefined) return [];
    try {
      const starts = parseLogStarts(content);
      if (starts === undefined) return this.#one(path, 'damage', 'crc', 'its CRC does not match');
      this.#logStarts = starts;
      return [];
    } catch (error) {
      return this.#one(path, 'damage', 'format', error instanceof Error ? error.message : String(error));
    }
  }

  #logStartOf(name: string): number {
    return this.#logStarts.get(name)?.offset ?? this.#checkpoints.get(CHECKPOINTS[2] ?? '')?.get(name) ?? 0;
  }

  async #marker(own: OwnDirectory): Promise<Finding[]> {
    const path = `${this.#directory}/${CLEAN_MARKER_FILE}`;
    const content = await this.#read(path);
    if (content === undefined || own.brokerEpoch === undefined) return [];
    if (content.toString('latin1') === formatCleanMarker(own.brokerEpoch)) return [];
    return this.#one(path, 'derivable', 'marker', `it is not the one that broker epoch ${own.brokerEpoch} leaves`);
  }

  async #properties(): Promise<Finding[]> {
    const path = `${this.#directory}/${META_PROPERTIES_FILE}`;
    const content = await this.#read(path);
    if (content === undefined) {
      return this.partitions().length > 0 ? this.#one(path, 'damage', 'missing', 'it is missing') : [];
    }
    const properties = parseMetaProperties(content.toString('utf8'));
    const own = this.#own;
    const isWrong =
      properties === undefined ||
      (own?.clusterId !== undefined && (properties.clusterId !== own.clusterId || properties.nodeId !== own.brokerId));
    if (isWrong)
      return this.#one(path, 'damage', 'identity', 'it is not of this cluster and broker, or does not parse');
    return this.#digest(META_PROPERTIES_FILE, content, 'damage');
  }

  async #checkpoint(name: string): Promise<Finding[]> {
    const path = `${this.#directory}/${name}`;
    const content = await this.#read(path);
    if (content === undefined) {
      const wasThere = this.#isClean && this.#record?.files?.has(name) === true;
      return wasThere ? this.#one(path, 'derivable', 'missing', 'it is missing') : [];
    }
    // Kafka makes its checkpoints empty at its start, and writes into them later.
    if (content.length === 0 && this.#own === undefined) return [];
    const offsets = parseOffsetCheckpoint(content.toString('latin1'));
    if (offsets === undefined) return this.#one(path, 'derivable', 'format', 'it does not parse');
    this.#checkpoints.set(name, offsets);
    return this.#digest(name, content, 'derivable');
  }

  /** Whether a file without a checksum is as the close record knows it. */
  #digest(name: string, content: Buffer, severity: 'damage' | 'derivable'): Finding[] {
    const path = `${this.#directory}/${name}`;
    const known = this.#isClean ? this.#record?.files?.get(name) : undefined;
    if (known === undefined) {
      return this.#one(path, 'unchecked', 'no checksum', 'no checksum or other file says whether it is right');
    }
    if (hexCrc(crc32c(content)) === known) return [];
    return this.#one(path, severity, 'digest', 'it does not hold what it held when the directory was closed');
  }

  /** What is no regular file is told, and is as good as missing. */
  async #read(path: string, bytesMax?: number): Promise<Buffer | undefined> {
    const stat = await this.#env.disk.stat(path);
    if (stat === undefined || stat.kind === 'file') return readFileIfThere(this.#env.disk, path, bytesMax);
    this.#irregular.push(...this.#one(path, 'damage', 'kind', 'it is no regular file'));
    return undefined;
  }

  #one(path: string, severity: Finding['severity'], rule: string, text: string, offset?: number): Finding[] {
    const findings = new FileFindings(path);
    findings.add(severity, rule, text, { offset });
    return findings.all;
  }
}

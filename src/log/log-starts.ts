/**
 * `log-starts` beside a broker's log directory (ours): where each log begins whose beginning was deleted. It alone decides what
 * a recovery may remove; Kafka's log-start-offset-checkpoint has neither a checksum nor topic ids and is written for Kafka's
 * eyes. Text:
 *
 *   streamctl-log-starts 1 <number of lines that follow> <CRC32C of what follows, 8 hex digits>\n
 *   <topic>-<partition> <topic id> <offset>\n        one line a log that does not begin where its first segment once did
 *
 * A segment loses its name only after this file says, durably, that the log begins behind it: so no order is needed among
 * renames and removals, and none of them is synced.
 */
import { crc32c } from '../kernel/crc32c.ts';
import type { Env } from '../kernel/env.ts';
import { type FileSync, readOwnFile, replaceFile } from './atomic-file.ts';
import { isLaterVersion, UnknownFormatError } from './close-record.ts';

export const LOG_STARTS_FILE = 'log-starts';

const TYPE = 'streamctl-log-starts';
const VERSION = 1;
const LINE = /^(\S+) (\S+) (\d{1,16})$/;

/** Where one log begins. */
export interface LogStart {
  readonly topicId: string;
  /** The first offset that is not deleted. */
  readonly offset: number;
}

export class LogStarts {
  readonly #env: Env;
  readonly #sync: FileSync;
  readonly #directory: string;
  /** What the file says; of a broken one nothing. */
  #startsByName: Map<string, LogStart> = new Map();
  #state: 'absent' | 'whole' | 'broken' = 'absent';
  /** What is to be written with the next write. */
  #waiting = new Map<string, LogStart>();
  /** Whether a write failed since: nobody knows then which of two files the power leaves. */
  #isUnsure = false;
  #nextWrite: Promise<void> | undefined;
  #lastWrite: Promise<void> = Promise.resolve();

  /** `brokerDirectory`: brokers/<id>, which is there. */
  constructor(env: Env, sync: FileSync, brokerDirectory: string) {
    this.#env = env;
    this.#sync = sync;
    this.#directory = brokerDirectory;
  }

  /** Reads the file. @throws UnknownFormatError of a later version, NoRegularFileError */
  async load(): Promise<void> {
    const content = await readOwnFile(this.#env.disk, this.#path);
    if (content === undefined) return;
    const starts = parseLogStarts(content);
    this.#state = starts === undefined ? 'broken' : 'whole';
    if (starts === undefined) this.#env.log.warn(`${this.#path} is broken; nothing is removed on its word`);
    else this.#startsByName = starts;
  }

  /** `whole`: what it does not name was never deleted from; a write of this process makes it so. */
  get state(): 'absent' | 'whole' | 'broken' {
    return this.#state;
  }

  /** Whether the last write failed: what a later process reads may be gone with the power, so it must not take it for durable. */
  get isUnsure(): boolean {
    return this.#isUnsure;
  }

  /** undefined when the log begins where its first segment does, as far as this file knows. */
  get(name: string, topicId: string): number | undefined {
    const start = this.#startsByName.get(name);
    return start?.topicId === topicId ? start.offset : undefined;
  }

  /**
   * Writes where logs begin from now on: durable when it resolves. A start never goes back. Those who ask while a write is
   * under way share the next one. Rejects when it cannot be written; the file may say the one or the other then.
   */
  async set(starts: ReadonlyMap<string, LogStart>): Promise<void> {
    let isNews = false;
    for (const [name, start] of starts) {
      if ((this.get(name, start.topicId) ?? 0) >= start.offset) continue;
      const other = this.#waiting.get(name);
      const isLess = other?.topicId === start.topicId && other.offset >= start.offset;
      if (!isLess) this.#waiting.set(name, start);
      isNews = true;
    }
    if (!isNews) return;
    this.#nextWrite ??= this.#lastWrite.then(() => this.#write());
    const written = this.#nextWrite;
    this.#lastWrite = written.catch(() => undefined);
    await written;
  }

  /** The log is gone; the file follows with the next write, as a log of the same name has another topic id. */
  forget(name: string): void {
    this.#startsByName.delete(name);
    this.#waiting.delete(name);
  }

  get #path(): string {
    return `${this.#directory}/${LOG_STARTS_FILE}`;
  }

  async #write(): Promise<void> {
    // The write before this one may have said more than was known when these were asked for.
    const news = [...this.#waiting].filter(([name, start]) => (this.get(name, start.topicId) ?? 0) < start.offset);
    this.#waiting = new Map();
    this.#nextWrite = undefined;
    if (news.length === 0) return;
    const { disk } = this.#env;
    this.#isUnsure = true;
    await replaceFile(disk, this.#sync, this.#path, formatLogStarts(new Map([...this.#startsByName, ...news])));
    await disk.syncDirectory(this.#directory);
    this.#isUnsure = false;
    for (const [name, start] of news) this.#startsByName.set(name, start);
    this.#state = 'whole';
  }
}

/** Starts by partition name; undefined when the file is broken. @throws UnknownFormatError */
export function parseLogStarts(bytes: Buffer): Map<string, LogStart> | undefined {
  const headerEnd = bytes.indexOf(10);
  const [type, version, count, crc] = bytes.toString('latin1', 0, Math.max(headerEnd, 0)).split(' ');
  if (type !== TYPE) return undefined;
  if (version !== String(VERSION)) {
    if (!isLaterVersion(version, VERSION)) return undefined;
    throw new UnknownFormatError(`${LOG_STARTS_FILE} has format version ${version}; this release knows ${VERSION}`);
  }
  if (crc !== hex(crc32c(bytes, headerEnd + 1, bytes.length))) return undefined;
  const starts = new Map<string, LogStart>();
  const lines = bytes.toString('latin1', headerEnd + 1).split('\n');
  lines.pop();
  for (const line of lines) {
    const [, name, topicId, offset] = LINE.exec(line) ?? [];
    if (name === undefined || topicId === undefined || !Number.isSafeInteger(Number(offset))) return undefined;
    starts.set(name, { topicId, offset: Number(offset) });
  }
  return starts.size === Number(count) ? starts : undefined;
}

export function formatLogStarts(starts: ReadonlyMap<string, LogStart>): Buffer {
  let text = '';
  for (const [name, { topicId, offset }] of starts) text += `${name} ${topicId} ${offset}\n`;
  const body = Buffer.from(text, 'latin1');
  const header = `${TYPE} ${VERSION} ${starts.size} ${hex(crc32c(body, 0, body.length))}\n`;
  return Buffer.concat([Buffer.from(header, 'latin1'), body]);
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}

/**
 * The metadata log of a directory: reads entries by name, appends them by link(). The file system's refusal to link to a
 * name that exists is the only arbiter there is: of all processes that try for number N+1 exactly one wins, and a process
 * that was replaced while it slept collides with its successor's entry and learns of it (reliability ).
 *
 * Numbers that compaction has deleted are free again for link(). A writer that slept through more than ENTRIES_KEPT entries
 * could win one; after each link() it therefore looks at the newest snapshot, and counts as lost at or below its number.
 */

import type { Env } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { ClusterError } from './cluster-error.ts';
import { type ClusterImage, emptyImage } from './cluster-image.ts';
import { linkNewFile, readFileIfThere, renewName, SNAPSHOT_BYTES_MAX } from './durable-file.ts';
import { decodeEntry, encodeEntry, type MetadataEntry } from './entries.ts';
import {
  clusterFile,
  clusterFolder,
  entryFile,
  entryFolder,
  entryNumber,
  snapshotFile,
  snapshotNumber,
} from './layout.ts';
import { applyEntry } from './replay.ts';
import { withReserve } from './reserve.ts';
import { decodeSnapshot } from './snapshot.ts';

/** How often one append may find its number taken before it gives up. */
const APPEND_TRIES_MAX = 1000;

/** How many entries are asked for at a time; what lies behind the first name that is missing does not count. */
const READ_AHEAD_COUNT_MAX = 16;

/**
 * Decides what to append after `image`, at `image.lastNumber + 1`; called again when somebody else took that number.
 * undefined: nothing is left to do. What it throws ends the append.
 */
export type Decision = (image: ClusterImage) => Promise<MetadataEntry | undefined> | MetadataEntry | undefined;

export class MetadataLog {
  readonly #env: Env;
  readonly #directory: string;
  #image: ClusterImage;
  #newestSnapshot = 0;
  /** Why nothing more may be appended. */
  #failure: unknown;
  /** The end of what was asked for last: reads and appends of one log run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<() => void>();

  private constructor(env: Env, directory: string, clusterId: string) {
    this.#env = env;
    this.#directory = directory;
    this.#image = emptyImage(clusterId);
  }

  /**
   * Reads the newest valid snapshot and all entries after it. Writes nothing. Throws ClusterError, `damaged` also when entries
   * are missing below others, or the folders of the log from a cluster.
   */
  static async open(env: Env, directory: string, clusterId: string): Promise<MetadataLog> {
    const log = new MetadataLog(env, directory, clusterId);
    try {
      const [newest] = await Promise.all([log.#newestEntry(), log.catchUp()]);
      // Appended while the two were under way; what is missing after one more read was not.
      if (newest > log.image.lastNumber) await log.catchUp();
      log.#refuseHole(newest);
    } catch (error) {
      if (errorCodeOf(error) !== 'ENOENT' || (await env.disk.stat(clusterFile(directory))) === undefined) throw error;
      const text = `${entryFolder(directory)} is missing, and with it the topics of the cluster`;
      throw new ClusterError('damaged', `${directory} is damaged: ${text}`, { cause: error });
    }
    return log;
  }

  get image(): ClusterImage {
    return this.#image;
  }

  /** The last number of the newest snapshot seen, 0 for none. */
  get newestSnapshot(): number {
    return this.#newestSnapshot;
  }

  /** Whether an entry of this process could not be made durable. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** A snapshot up to `lastNumber` was written by this process. */
  snapshotWritten(lastNumber: number): void {
    this.#newestSnapshot = Math.max(this.#newestSnapshot, lastNumber);
  }

  /** Calls `listener` after each change of the image, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads what was written since. Throws ClusterError when an entry cannot be read. */
  catchUp(): Promise<ClusterImage> {
    return this.#inTurn(() => this.#readOn());
  }

  /**
   * Appends what `decide` says, and answers the image that includes it; it is durable then, with two sync calls. The entry
   * may have been skipped on replay only if `decide` made one that does not hold.
   */
  append(decide: Decision): Promise<ClusterImage> {
    return this.#inTurn(async () => {
      for (let tries = 0; tries < APPEND_TRIES_MAX; tries++) {
        if (this.#failure !== undefined) {
          throw this.#failure;
        }
        const entry = await decide(this.#image);
        if (entry === undefined || (await this.#tryAppend(entry))) {
          return this.#image;
        }
      }
      throw new Error(`the metadata log of ${this.#directory} is too busy: lost ${APPEND_TRIES_MAX} races`);
    });
  }

  /**
   * Makes the newest entry durable, for whoever builds on one of a process that did not say that it is: it may have died before its
   * sync, or its sync failed, after which another one alone proves nothing (D12). Those before it were durable before it was
   * written. For decisions, within their append.
   */
  async renewNewest(): Promise<void> {
    const folder = entryFolder(this.#directory);
    const newest = entryFile(this.#directory, this.#image.lastNumber);
    await withReserve(this.#env, this.#directory, () => renewName(this.#env, folder, newest));
    await this.#makeDurable(folder);
  }

  /** False when somebody else has that number: the image has then moved on. */
  async #tryAppend(entry: MetadataEntry): Promise<boolean> {
    const number = this.#image.lastNumber + 1;
    const path = entryFile(this.#directory, number);
    const folder = entryFolder(this.#directory);
    const linked = await withReserve(this.#env, this.#directory, () =>
      linkNewFile(this.#env, folder, path, encodeEntry(entry)),
    );
    // A link() whose first answer was lost on a network file system reports EEXIST on its own success.
    if (!linked && (await this.#readEntry(number))?.uuid !== entry.uuid) {
      await this.#readOn();
      return false;
    }
    await this.#makeDurable(folder);
    this.#env.fault('cluster.entry-durable');
    if (number <= newestOf(await this.#snapshotNumbers())) {
      // Our entry is below a snapshot: either the snapshot holds it, which `decide` sees in the image, or we won a
      // number that compaction had deleted, and nobody will ever read the file. It stays: to remove it could remove the first.
      await this.#readOn();
      return false;
    }
    this.#advance(applyEntry(this.#image, entry));
    return true;
  }

  /**
   * After a failed sync the folder may have forgotten the entry, although everybody sees it until the next power cut; one more
   * entry behind it could then stand behind a hole. So this process appends nothing more (D12).
   */
  async #makeDurable(folder: string): Promise<void> {
    try {
      await this.#env.disk.syncDirectory(folder);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /**
   * An entry that is missing below others must not count as the end of the log: its number would be given anew. `newest`: of
   * the entries that were there when the last read began.
   */
  #refuseHole(newest: number): void {
    const { lastNumber } = this.#image;
    if (newest > lastNumber) {
      throw new ClusterError('damaged', `${entryFile(this.#directory, lastNumber + 1)} is missing below later entries`);
    }
  }

  async #readOn(): Promise<ClusterImage> {
    let image = await this.#newerSnapshot(this.#image);
    // One name where nothing is expected, soon many at a time where a whole hundred is to be read.
    for (let count = 1, full = true; full; count = Math.min(READ_AHEAD_COUNT_MAX, count * 2)) {
      const first = image.lastNumber + 1;
      const read = await Promise.all(Array.from({ length: count }, (_, at) => this.#readEntry(first + at)));
      const end = read.indexOf(undefined);
      for (const entry of end < 0 ? read : read.slice(0, end)) {
        image = entry === undefined ? image : applyEntry(image, entry);
      }
      full = end < 0;
    }
    // Compaction keeps ENTRIES_KEPT entries behind a snapshot: one that cannot be read must be reached by its entries.
    if (image.lastNumber < this.#newestSnapshot) {
      const missing = entryFile(this.#directory, image.lastNumber + 1);
      throw new ClusterError('damaged', `${missing} is missing, and so is a snapshot that can be read in its place`);
    }
    if (image.lastNumber !== this.#image.lastNumber) {
      this.#advance(image);
    }
    return this.#image;
  }

  /** The newest snapshot after `image` that can be read; `image` itself when there is none. */
  async #newerSnapshot(image: ClusterImage): Promise<ClusterImage> {
    const numbers = await this.#snapshotNumbers();
    this.#newestSnapshot = Math.max(this.#newestSnapshot, newestOf(numbers));
    for (const number of numbers.sort((a, b) => b - a)) {
      if (number <= image.lastNumber) {
        break;
      }
      const path = snapshotFile(this.#directory, number);
      try {
        const bytes = await readFileIfThere(this.#env, path, SNAPSHOT_BYTES_MAX);
        if (bytes !== undefined) {
          return decodeSnapshot(path, bytes);
        }
      } catch (error) {
        if (!(error instanceof ClusterError) || error.kind !== 'damaged') {
          throw error;
        }
        this.#env.log.warn(`${error.message}; reading the snapshot before it`);
      }
    }
    return image;
  }

  async #snapshotNumbers(): Promise<number[]> {
    const names = await this.#env.disk.list(clusterFolder(this.#directory));
    return names.map(snapshotNumber).filter((number) => number !== undefined);
  }

  /** The highest number that an entry's file has, 0 without any. */
  async #newestEntry(): Promise<number> {
    const names = await this.#env.disk.list(entryFolder(this.#directory));
    return entryNumber(names.findLast((name) => entryNumber(name) !== undefined) ?? '') ?? 0;
  }

  async #readEntry(number: number): Promise<MetadataEntry | undefined> {
    const path = entryFile(this.#directory, number);
    const bytes = await readFileIfThere(this.#env, path);
    return bytes === undefined ? undefined : decodeEntry(path, bytes);
  }

  #advance(image: ClusterImage): void {
    this.#image = image;
    for (const listener of this.#listeners) {
      listener();
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function newestOf(numbers: readonly number[]): number {
  return numbers.reduce((newest, number) => Math.max(newest, number), 0);
}

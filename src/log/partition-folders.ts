/**
 * The folders of partitions in a log directory, as far as they come to an end: each is renamed, durably, before anything in it
 * goes, so that no topic of the same name ever finds half of it.
 *
 *   of a topic that is deleted, now or by an entry that nobody carried out    renamed to -delete, removed
 *   of an id that is not known                                                renamed to -stray, and kept
 *   of an owner that cannot be read                                           left alone (H-19)
 */
import type { Env } from '../kernel/env.ts';
import type { DirectoryRecords } from './directory-records.ts';
import type { LogStarts } from './log-starts.ts';
import { readTopicId } from './partition-directory.ts';
import { isDeletedDirectoryName, parsePartitionName, retiredDirectoryName } from './segment-files.ts';

/** What the metadata log says of topics. */
export interface TopicIdentities {
  /** Whether a topic has that name now. */
  isKnown(topic: string): boolean;
  /** Whether the topic of that id was deleted; false where that is not known any more. */
  isDeleted(topicId: string): boolean;
}

export class PartitionFolders {
  readonly #env: Env;
  readonly #directory: string;
  readonly #records: DirectoryRecords;
  readonly #starts: LogStarts;

  /** `directory`: brokers/<id>/log. */
  constructor(env: Env, directory: string, records: DirectoryRecords, starts: LogStarts) {
    this.#env = env;
    this.#directory = directory;
    this.#records = records;
    this.#starts = starts;
  }

  /** Removes folders, by name; nothing happens to those that are not there. */
  async remove(...names: readonly string[]): Promise<void> {
    await this.#forget(names);
    for (const name of names) {
      const retired = await this.#retire(name, 'delete');
      if (retired !== undefined) await this.#env.disk.removeTree(retired);
    }
  }

  /** Gives folders names that no log looks at. */
  async putAside(...names: readonly string[]): Promise<void> {
    await this.#forget(names);
    for (const name of names) {
      const retired = await this.#retire(name, 'stray');
      this.#env.log.warn(`${this.#directory}/${name} is of another topic or of none, and was put aside as ${retired}`);
    }
  }

  /**
   * After an unclean end: finishes removals that a crash cut short, and looks for folders whose name no topic has. Never rejects:
   * what stays is in nobody's way.
   */
  async clear(topics: TopicIdentities | undefined): Promise<void> {
    const deleted: string[] = [];
    const strays: string[] = [];
    try {
      for (const name of await this.#env.disk.list(this.#directory)) {
        if (isDeletedDirectoryName(name)) {
          await this.#env.disk.removeTree(`${this.#directory}/${name}`);
          continue;
        }
        const parsed = parsePartitionName(name);
        if (topics === undefined || parsed === undefined || topics.isKnown(parsed.topic)) continue;
        const topicId = await this.#ownerOf(name);
        if (topicId !== undefined) (topics.isDeleted(topicId) ? deleted : strays).push(name);
      }
      await this.remove(...deleted);
      await this.putAside(...strays);
    } catch (error) {
      this.#env.log.warn(`${this.#directory}: folders of deleted topics may be left: ${String(error)}`);
    }
  }

  async #ownerOf(name: string): Promise<string | undefined> {
    try {
      return await readTopicId(this.#env.disk, `${this.#directory}/${name}`);
    } catch (error) {
      this.#env.log.warn(`${this.#directory}/${name} is left, as it cannot be read whose it is: ${String(error)}`);
      return undefined;
    }
  }

  /** Before the folders go: what is written of them would say of topics of the same names that files are missing. */
  async #forget(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await this.#records.forget(...names);
    for (const name of names) this.#starts.forget(name);
  }

  /** Answers the new path; undefined when there is no such folder, or the name is no partition's. */
  async #retire(name: string, kind: 'delete' | 'stray'): Promise<string | undefined> {
    const { disk, random } = this.#env;
    const path = `${this.#directory}/${name}`;
    const parsed = parsePartitionName(name);
    if (parsed === undefined || (await disk.stat(path)) === undefined) return undefined;
    const retired = retiredDirectoryName(parsed.topic, parsed.partition, random.uuid(), kind);
    await disk.rename(path, `${this.#directory}/${retired}`);
    await disk.syncDirectory(this.#directory);
    return `${this.#directory}/${retired}`;
  }
}

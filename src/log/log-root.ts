/** The log directory itself, brokers/<id>/log, with its meta.properties: made at the first append of all. */
import type { Env } from '../kernel/env.ts';
import { type FileSync, replaceFile } from './atomic-file.ts';
import { storageError } from './log-failure.ts';
import { formatMetaProperties, META_PROPERTIES_FILE } from './meta-properties.ts';

export interface LogRootOptions {
  /** brokers/<id> */
  readonly brokerDirectory: string;
  readonly clusterId: string;
  readonly brokerId: number;
  /** Told once the directory was made, durably, before anything is written to it; never rejects. */
  readonly onRootMade?: () => Promise<void>;
}

export class LogRoot {
  readonly #env: Env;
  readonly #sync: FileSync;
  readonly #options: LogRootOptions;
  readonly #directory: string;
  #making: Promise<void> | undefined;
  #isThere: boolean;

  constructor(env: Env, sync: FileSync, options: LogRootOptions, isThere: boolean) {
    this.#env = env;
    this.#sync = sync;
    this.#options = options;
    this.#directory = `${options.brokerDirectory}/log`;
    this.#isThere = isThere;
  }

  get isThere(): boolean {
    return this.#isThere;
  }

  /** Makes it where it is missing, durably; once in a process, unless that fails. */
  prepare(): Promise<void> {
    this.#making ??= this.#make().catch((error) => {
      this.#making = undefined;
      throw error;
    });
    return this.#making;
  }

  /**
   * Somebody may have removed all of it while this process serves: half a directory is worse than none.
   * @throws KafkaError KAFKA_STORAGE_ERROR (rejects)
   */
  async check(): Promise<void> {
    const path = `${this.#directory}/${META_PROPERTIES_FILE}`;
    if ((await this.#env.disk.stat(path)) === undefined) throw storageError(`${this.#directory} is gone`);
  }

  async #make(): Promise<void> {
    const { disk, random } = this.#env;
    const { brokerDirectory, clusterId, brokerId } = this.#options;
    const path = `${this.#directory}/${META_PROPERTIES_FILE}`;
    if ((await disk.stat(brokerDirectory)) === undefined) throw storageError(`${brokerDirectory} is gone`);
    const isNew = await disk.makeDirectory(this.#directory);
    this.#isThere = true;
    if ((await disk.stat(path)) === undefined) {
      const directoryId = random.bytes(16).toString('base64url');
      const properties = formatMetaProperties({ clusterId, nodeId: brokerId, directoryId });
      await replaceFile(disk, this.#sync, path, Buffer.from(properties));
      await disk.syncDirectory(this.#directory);
    }
    // Also when the directory was there: whoever made it may have been killed before this.
    await disk.syncDirectory(brokerDirectory);
    if (isNew) await this.#options.onRootMade?.();
  }
}

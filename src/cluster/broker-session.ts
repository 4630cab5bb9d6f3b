/**
 * This process as broker `brokerId` of a directory, from the registration that it won (claim.ts) to release or resignation.
 *
 * The session ends in one of two ways. Released: the files are closed, the owner record says so, and the next one need not
 * ask whether this process lives. Resigned: the log holds a newer registration of this id, so somebody found this process
 * dead or silent; from then on it writes nothing that others read.
 */
import type { Env, ProcessFacts } from '../kernel/env.ts';
import { KafkaError } from '../protocol/errors.ts';
import type { BrokerRegistration, ClusterImage, Endpoint, TopicImage } from './cluster-image.ts';
import { topicById } from './cluster-image.ts';
import { type ControllerHead, entryHead, type MetadataEntry, PRODUCER_ID_BLOCK } from './entries.ts';
import { compactIfDue, keepHouse } from './housekeeping.ts';
import { randomKafkaUuid } from './kafka-uuid.ts';
import { brokerFolder, brokerSocket } from './layout.ts';
import { Lease } from './lease.ts';
import { LogTail } from './log-tail.ts';
import type { MetadataLog } from './metadata-log.ts';
import { LOCK_STALE_MS } from './owner-judgement.ts';
import { type OwnerRecord, writeOwnerRecord } from './owner-record.ts';
import type { PlaceLock } from './place-lock.ts';
import {
  addPartitionsEntry,
  alterSettingsEntry,
  alterTopicConfigsEntry,
  createTopicEntry,
  deleteTopicEntry,
} from './topic-changes.ts';

/** How long a lapsed lease may stay so, with the registration still the newest, before the broker gives up. */
const RENEWAL_WAIT_MAX_MS = 5 * LOCK_STALE_MS;
const RENEWAL_LOOK_MS = 20;

export interface SessionParts {
  readonly directory: string;
  readonly log: MetadataLog;
  readonly registration: BrokerRegistration;
  readonly lastCloseWasClean: boolean;
  /** Of the newest registration of the id before this one; undefined for the first ever. */
  readonly previousBrokerEpoch: number | undefined;
  readonly aliveLock: PlaceLock;
  /** undefined when another broker is the controller. */
  readonly controllerLock: PlaceLock | undefined;
}

export interface WantedTopic {
  readonly name: string;
  /** A new random one when left out. */
  readonly topicId?: string;
  readonly partitionCount: number;
  readonly configs: ReadonlyMap<string, string>;
}

export class BrokerSession {
  readonly directory: string;
  readonly brokerDirectory: string;
  readonly clusterId: string;
  readonly brokerId: number;
  readonly brokerEpoch: number;
  /** The command that this process is, by name. */
  readonly command: string;
  /** Whether the broker before this one closed its files; true for the first ever. */
  readonly lastCloseWasClean: boolean;
  /** The broker epoch of whoever was this broker before; undefined for the first ever. */
  readonly previousBrokerEpoch: number | undefined;
  /** Where the broker is to listen for commands of this host: a name that no other registration ever uses. */
  readonly socketPath: string;

  readonly #env: Env;
  readonly #parts: SessionParts;
  readonly #lease: Lease;
  /** Of readings of the metadata log, which count while the file system takes no writes. */
  readonly #sight: Lease;
  /** Monotonic; when the last reading began that found the registration to be the newest, while nothing could be written. */
  #sightBeganMs = Number.NEGATIVE_INFINITY;
  readonly #tail: LogTail;
  readonly #resignListeners = new Set<(reason: string) => void>();
  readonly #unsubscribe: () => void;
  #owner: OwnerRecord;
  #ownerWriting: Promise<void> = Promise.resolve();
  #state: 'held' | 'resigned' | 'released' = 'held';
  #renewal: Promise<boolean> | undefined;
  #release: Promise<void> | undefined;
  #producerIdBlock: number;
  #producerIdsGiven = 0;
  #blockAppend: Promise<void> | undefined;

  /** Only claim.ts makes one, of a registration that is in the log. */
  constructor(env: Env, parts: SessionParts) {
    const { directory, registration, log } = parts;
    this.#env = env;
    this.#parts = parts;
    this.directory = directory;
    this.brokerId = registration.brokerId;
    this.brokerEpoch = registration.brokerEpoch;
    this.command = registration.command;
    this.clusterId = log.image.clusterId;
    this.brokerDirectory = brokerFolder(directory, this.brokerId);
    this.socketPath = brokerSocket(directory, this.brokerId, this.brokerEpoch);
    this.lastCloseWasClean = parts.lastCloseWasClean;
    this.previousBrokerEpoch = parts.previousBrokerEpoch;
    this.#producerIdBlock = registration.brokerEpoch;
    this.#owner = {
      brokerId: this.brokerId,
      brokerEpoch: this.brokerEpoch,
      process: registration.process,
      command: registration.command,
      endpoints: registration.endpoints,
      socket: undefined,
      released: false,
      successor: undefined,
    };
    this.#lease = new Lease(env.clock, () => parts.aliveLock.confirmedAtMs());
    this.#sight = new Lease(env.clock, () => this.#sightBeganMs);
    this.#unsubscribe = log.onChange(() => this.#checkStillMine());
    this.#tail = new LogTail(env, directory, log, {
      gone: (reason) => this.#resign(reason),
      read: () => (this.mayWrite() ? compactIfDue(env, directory, log) : Promise.resolve()),
    });
    const stillMine = async (): Promise<boolean> => this.#state === 'held' && (await this.#readStillMine());
    parts.aliveLock.keepWhile(stillMine);
    parts.controllerLock?.keepWhile(stillMine);
  }

  image(): ClusterImage {
    return this.#parts.log.image;
  }

  /** Broker configs kept in the directory. */
  settings(): ReadonlyMap<string, string> {
    return this.image().settings;
  }

  /** Calls `listener` after each change of the image, until the returned function is called. */
  onImage(listener: () => void): () => void {
    return this.#parts.log.onChange(listener);
  }

  /** Calls `listener` once when somebody else is found to be this broker; at once when that was found already. */
  onResigned(listener: (reason: string) => void): void {
    if (this.#state === 'resigned') {
      listener('a newer registration holds this broker id');
    } else {
      this.#resignListeners.add(listener);
    }
  }

  /** Whether this process may still promise and show data as the broker; to be asked before each ack. */
  holdsLease(): boolean {
    return this.#state === 'held' && this.#lease.isHeld();
  }

  /**
   * Whether this process may show data: it holds the lease, or the directory's file system takes no writes, so that nobody can
   * register, and a reading of the metadata log a moment ago found its registration to be the newest.
   */
  maySee(): boolean {
    return this.holdsLease() || (this.isReadOnly() && this.#sight.isFresh());
  }

  /** Whether the lease is lost only because the file system takes no writes. */
  isReadOnly(): boolean {
    return this.#state === 'held' && this.#parts.aliveLock.isUnwritable();
  }

  /** Whether this process may still write to the broker's files: it neither resigned nor released them. */
  mayWrite(): boolean {
    return this.#state === 'held';
  }

  /**
   * After `holdsLease()` said no: reads the log anew and waits for a heartbeat. True: this is still the broker, and the lease
   * holds. False: it resigned or was released, or it is the broker and nothing can be written (`isReadOnly`).
   */
  renewLease(): Promise<boolean> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  /** After `maySee()` said no: waits until it may say yes. False: this process resigned or was released. */
  async renewSight(): Promise<boolean> {
    while (this.#state === 'held') {
      if (this.isReadOnly()) {
        const beganMs = this.#env.clock.monotonicMs();
        if (!(await this.#readStillMine())) return false;
        this.#sightBeganMs = beganMs;
      } else {
        await this.renewLease();
      }
      if (this.maySee()) return true;
      await this.#env.clock.sleep(RENEWAL_LOOK_MS);
    }
    return false;
  }

  /** Tells other processes where this broker listens, apart from its socket, which commands of this host use. */
  async announce(endpoints: readonly Endpoint[]): Promise<void> {
    await this.#updateOwner({ endpoints, socket: this.socketPath });
  }

  /** Keeps the place for the process that asked for it, once this one has released it. */
  async nameSuccessor(successor: ProcessFacts): Promise<void> {
    await this.#updateOwner({ successor });
  }

  /** The log directory was made, durably: from here on one that is missing is lost. */
  async noteLogs(): Promise<void> {
    await this.#updateOwner({ hasLogs: true }).catch((error: unknown) =>
      this.#env.log.warn(`writing the owner record: ${String(error)}`),
    );
  }

  /**
   * Gives the place up; the caller has closed the files. Nothing is appended. After a resignation it only lets go. Later calls
   * answer what the first did.
   */
  release(): Promise<void> {
    this.#release ??= this.#releaseOnce();
    return this.#release;
  }

  /** Throws KafkaError INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, TOPIC_ALREADY_EXISTS, NOT_CONTROLLER. */
  async createTopic(wanted: WantedTopic): Promise<TopicImage> {
    const topic = { ...wanted, topicId: wanted.topicId ?? randomKafkaUuid(this.#env.random) };
    const image = await this.#control((current, head) => createTopicEntry(current, head, topic));
    const created = topicById(image, topic.topicId);
    if (created === undefined) {
      throw new KafkaError('NOT_CONTROLLER');
    }
    return created;
  }

  /** Throws KafkaError UNKNOWN_TOPIC_ID, NOT_CONTROLLER. */
  async deleteTopic(topicId: string): Promise<void> {
    await this.#control((image, head, seen) => deleteTopicEntry(image, head, topicId, seen));
  }

  /** `partitionCount` is the new total. Throws KafkaError UNKNOWN_TOPIC_ID, INVALID_PARTITIONS, NOT_CONTROLLER. */
  async addPartitions(topicId: string, partitionCount: number): Promise<void> {
    await this.#control((image, head, seen) => addPartitionsEntry(image, head, topicId, partitionCount, seen));
  }

  /** `null` takes a config away. Throws KafkaError UNKNOWN_TOPIC_ID, NOT_CONTROLLER. */
  async alterTopicConfigs(topicId: string, changes: ReadonlyMap<string, string | null>): Promise<void> {
    await this.#control((image, head) => alterTopicConfigsEntry(image, head, topicId, changes));
  }

  /** Changes the broker configs kept in the directory; `null` takes one away. Throws KafkaError NOT_CONTROLLER. */
  async alterSettings(changes: ReadonlyMap<string, string | null>): Promise<void> {
    await this.#control((image, head) => alterSettingsEntry(image, head, changes));
  }

  /**
   * A producer id that was never given before: brokerEpoch x 1000 + n, and after a thousand of them the number of a block
   * entry in place of the broker epoch. Throws KafkaError BROKER_NOT_AVAILABLE after a resignation.
   */
  async nextProducerId(): Promise<bigint> {
    while (this.#producerIdsGiven === PRODUCER_ID_BLOCK) {
      this.#blockAppend ??= this.#appendProducerIdBlock().finally(() => {
        this.#blockAppend = undefined;
      });
      await this.#blockAppend;
    }
    this.#requireHeld();
    const producerId = BigInt(this.#producerIdBlock) * BigInt(PRODUCER_ID_BLOCK) + BigInt(this.#producerIdsGiven);
    this.#producerIdsGiven++;
    return producerId;
  }

  async #appendProducerIdBlock(): Promise<void> {
    const uuid = this.#env.random.uuid();
    let number = 0;
    await this.#parts.log.append((image) => {
      this.#requireHeld();
      number = image.lastNumber + 1;
      return { ...entryHead(uuid, this.brokerId, this.brokerEpoch), type: 'producer-id-block' };
    });
    this.#producerIdBlock = number;
    this.#producerIdsGiven = 0;
  }

  /** Appends as the controller what `change` makes of the newest image. `seen`: it was asked before in this call. */
  #control(
    change: (image: ClusterImage, head: ControllerHead, seen: boolean) => MetadataEntry | undefined,
  ): Promise<ClusterImage> {
    const uuid = this.#env.random.uuid();
    let seen = false;
    return this.#parts.log.append((image) => {
      this.#requireHeld();
      if (image.controllerId !== this.brokerId) {
        throw new KafkaError('NOT_CONTROLLER');
      }
      const head = { ...entryHead(uuid, this.brokerId, this.brokerEpoch), controllerEpoch: image.controllerEpoch };
      const entry = change(image, head, seen);
      seen = true;
      return entry;
    });
  }

  #requireHeld(): void {
    if (this.#state !== 'held') {
      throw new KafkaError('BROKER_NOT_AVAILABLE', 'this process is no longer the broker of its directory');
    }
  }

  async #updateOwner(change: Partial<OwnerRecord>): Promise<void> {
    this.#owner = { ...this.#owner, ...change };
    // One after the other: the record that is renamed last is to be the newest.
    const written = this.#ownerWriting.then(async () => {
      if (this.#state === 'held') await writeOwnerRecord(this.#env, this.directory, this.#owner);
    });
    this.#ownerWriting = written.catch(() => undefined);
    await written;
  }

  #checkStillMine(): void {
    const newest = this.image().brokers.get(this.brokerId);
    if (newest?.incarnation !== this.#parts.registration.incarnation) {
      this.#resign(`broker ${this.brokerId} was taken over by process ${newest?.process.pid ?? '?'}`);
    }
  }

  async #readStillMine(): Promise<boolean> {
    await this.#parts.log.catchUp();
    return this.#state === 'held';
  }

  async #renew(): Promise<boolean> {
    const giveUpAtMs = this.#env.clock.monotonicMs() + RENEWAL_WAIT_MAX_MS;
    while (this.#state === 'held') {
      // The heartbeat first, then the log: a registration that followed a silence of ours is then in what we read.
      if (this.#lease.isFresh() && (await this.#readStillMine()) && this.#lease.isFresh()) {
        this.#lease.confirmByLog();
        return true;
      }
      if (this.isReadOnly()) return false;
      if (this.#env.clock.monotonicMs() > giveUpAtMs) {
        this.#resign('the liveness lock could not be kept');
      } else {
        await this.#env.clock.sleep(RENEWAL_LOOK_MS);
      }
    }
    return false;
  }

  #resign(reason: string): void {
    if (this.#state !== 'held') {
      return;
    }
    this.#state = 'resigned';
    this.#env.log.warn(`no longer the broker of ${this.directory}: ${reason}`);
    for (const listener of this.#resignListeners) {
      listener(reason);
    }
  }

  async #releaseOnce(): Promise<void> {
    this.#unsubscribe();
    await this.#tail.close();
    if (this.#state === 'held') {
      await keepHouse(this.#env, this.directory, this.#parts.log, this);
      // The record before the locks: who gets a lock must find the place free.
      const unsynced = this.#parts.log.hasFailed ? ({ unsynced: true } as const) : {};
      await this.#updateOwner({ released: true, socket: undefined, ...unsynced }).catch((error: unknown) =>
        this.#env.log.warn(`writing the owner record: ${String(error)}`),
      );
      this.#state = 'released';
    }
    this.#env.fault('cluster.before-unlock');
    await this.#parts.controllerLock?.release();
    await this.#parts.aliveLock.release();
  }
}

/**
 * The coordinator of all groups of this broker: a shard for each partition of `__consumer_offsets` whose groups are asked for, loaded
 * at the first call, loaded again after it was given up. Source: Kafka's GroupCoordinatorService.java, CoordinatorRuntime.java.
 */
import type { BrokerSession } from '../cluster/broker-session.ts';
import type { ClusterImage, PartitionImage, TopicImage } from '../cluster/cluster-image.ts';
import type { Call } from '../groups/call.ts';
import type { Now } from '../groups/group-host.ts';
import { GroupMachine } from '../groups/group-machine.ts';
import type { GroupSettings } from '../groups/group-settings.ts';
import type { Env, Timer } from '../kernel/env.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { KafkaError } from '../protocol/errors.ts';
import type { PlaceChecks } from './answer-queue.ts';
import { notCoordinator } from './coordinator-errors.ts';
import { coordinatorLog } from './coordinator-log.ts';
import { deletedTopics, ImageTopics } from './image-topics.ts';
import { OFFSETS_TOPIC, type OffsetsTopic, partitionOfGroup } from './offsets-topic.ts';
import { Shard } from './shard.ts';
import type { GroupCaller } from './shard-machine.ts';

/** What a record may take; a batch of the offsets topic may take twice that. */
const RECORD_BYTES_MAX = 8 << 20;
/** All members of all groups in memory; Kafka has as much as its heap. */
const MEMBERS_BYTES_MAX = 128 << 20;
/** How long a group that was loaded after a take-over waits to hear of members that came by the directory. */
const UNHEARD_MS = 2500;
const BACK_OFF_MS_MIN = 100;
const BACK_OFF_MS_MAX = 1000;
/** A life that lasted so long was no failure. */
const LASTING_MS = 10_000;
/** A timer cannot wait much longer. */
const EXPIRY_INTERVAL_MS_MAX = 1_000_000_000;
/** A log of this size that is closed is swept before: a directory without a server has no other time for it. */
const SWEPT_BYTES_MIN = 1 << 20;
const LOADS_AT_A_TIME = 4;
/** How long a stop waits for what was appended. */
const SETTLE_MS_MAX = 30_000;

export interface CoordinatorOptions {
  readonly env: Env;
  readonly session: BrokerSession;
  readonly settings: GroupSettings;
  readonly offsetsTopic: OffsetsTopic;
  readonly place: PlaceChecks;
  /** offsets.retention.check.interval.ms */
  readonly expiryIntervalMs: () => number;
  readonly openLog: (topic: TopicImage, partition: PartitionImage) => PartitionLog | Promise<PartitionLog>;
  /** Bytes of each partition's log by its directory's name; one that has no files may be missing. */
  readonly logSizes: () => Promise<ReadonlyMap<string, number>>;
}

export type GroupWork<R> = (machine: GroupMachine, call: Call<R>, now: Now) => void;

/** What is left of a life that failed. */
interface Failure {
  readonly count: number;
  readonly reason: string;
  readonly idle: Promise<void>;
}

interface Life {
  readonly machine: GroupMachine;
  readonly shard: Shard<GroupMachine>;
  readonly begunMs: number;
  /** Failures just before it. */
  readonly failureCount: number;
}

export class GroupCoordinator {
  readonly #options: CoordinatorOptions;
  readonly #topics: ImageTopics;
  readonly #unsubscribe: () => void;
  /** By partition of the offsets topic. */
  readonly #lives = new Map<number, Life>();
  readonly #failures = new Map<number, Failure>();
  #image: ClusterImage;
  #expiryTimer: Timer | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: CoordinatorOptions) {
    const { session } = options;
    this.#options = options;
    this.#image = session.image();
    this.#topics = new ImageTopics(() => session.image());
    this.#unsubscribe = session.onImage(() => this.#follow(session.image()));
  }

  /**
   * Asks the machine that holds the group. Calls for one group are asked in the order in which they are made.
   * Rejects with KafkaError: NOT_COORDINATOR also while the offsets topic is missing.
   */
  call<R>(groupId: string, caller: GroupCaller, work: GroupWork<R>): Promise<R> {
    const topic = this.#options.offsetsTopic.find();
    if (topic === undefined) return Promise.reject(notCoordinator(`there is no ${OFFSETS_TOPIC}`));
    return this.#callPartition(topic, partitionOfGroup(groupId, topic), caller, work);
  }

  /** Asks every machine that may hold a group. Rejects with KafkaError when one of them cannot answer. */
  async callAll<R>(caller: GroupCaller, work: GroupWork<R>): Promise<readonly R[]> {
    const topic = this.#options.offsetsTopic.find();
    if (topic === undefined) return [];
    const sizes = await this.#options.logSizes();
    const indexes = topic.partitions
      .map(({ index }) => index)
      .filter((index) => this.#lives.has(index) || (sizes.get(`${OFFSETS_TOPIC}-${index}`) ?? 0) > 0);
    const answers: R[] = [];
    const askNext = async (): Promise<void> => {
      for (let index = indexes.shift(); index !== undefined; index = indexes.shift()) {
        answers.push(await this.#callPartition(topic, index, caller, work));
      }
    };
    await Promise.all(Array.from({ length: LOADS_AT_A_TIME }, askNext));
    return answers;
  }

  /**
   * Ends all shards at once: nothing is decided any more, whoever leaves now has left for another reason. The last that is decided is
   * which offsets of large logs have expired. Resolves when what was appended has settled, or takes too long.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { clock } = this.#options.env;
    this.#unsubscribe();
    this.#expiryTimer?.cancel();
    const shards = [...this.#lives.values()].map(({ shard }) => shard);
    for (const shard of this.#options.place.holdsLease() ? shards : []) {
      if (shard.logBytes >= SWEPT_BYTES_MIN) shard.turn((machine, now) => machine.expireOffsets(now));
    }
    for (const shard of shards) shard.end(notCoordinator('the broker is stopping'));
    this.#lives.clear();
    const settled = Promise.all([
      ...shards.map((shard) => shard.idle()),
      ...[...this.#failures.values()].map(({ idle }) => idle),
    ]);
    await new Promise<void>((resolve) => {
      const timer = clock.timer(SETTLE_MS_MAX, resolve, true);
      settled.then(() => {
        timer.cancel();
        resolve();
      }, resolve);
    });
  }

  #callPartition<R>(topic: TopicImage, index: number, caller: GroupCaller, work: GroupWork<R>): Promise<R> {
    if (this.#stopping !== undefined) return Promise.reject(notCoordinator('the broker is stopping'));
    const partition = topic.partitions[index];
    if (partition === undefined || partition.leader !== this.#options.session.brokerId) {
      return Promise.reject(notCoordinator(`${OFFSETS_TOPIC}-${index} is led by another broker`));
    }
    const life = this.#lives.get(index) ?? this.#begin(topic, partition);
    return life.shard.call(caller, work);
  }

  #begin(topic: TopicImage, partition: PartitionImage): Life {
    const { env, settings, place, openLog } = this.#options;
    const { index } = partition;
    const failure = this.#failures.get(index);
    const machine = new GroupMachine({
      settings,
      topics: this.#topics,
      uuid: () => env.random.uuid(),
      recordBytesMax: RECORD_BYTES_MAX,
      hasRoomFor: (bytes) => this.#memberBytes() + bytes <= MEMBERS_BYTES_MAX,
      log: (line) => env.log.info(line),
    });
    const shard = new Shard({
      env,
      name: `${OFFSETS_TOPIC}-${index}`,
      machine,
      place,
      openLog: async () => coordinatorLog(await openLog(topic, partition), partition.leaderEpoch),
      after: failure === undefined ? Promise.resolve() : this.#backOff(failure),
      onLoaded: (loaded, now) => this.#loaded(index, loaded, now),
      told: failure?.reason,
      onOver: (reason) => this.#failed(index, reason),
    });
    const life = { machine, shard, begunMs: env.clock.monotonicMs(), failureCount: failure?.count ?? 0 };
    this.#lives.set(index, life);
    this.#expiryTimer ??= this.#expireLater();
    return life;
  }

  #memberBytes(): number {
    let sum = 0;
    for (const { machine } of this.#lives.values()) sum += machine.memberBytes;
    return sum;
  }

  async #backOff({ count, idle }: Failure): Promise<void> {
    await idle;
    await this.#options.env.clock.sleep(Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS_MIN * 2 ** Math.min(count - 1, 10)));
  }

  /** The first turn of a machine: who lived in a process that is known to be dead is gone, other processes get a while to say a word. */
  #loaded(index: number, machine: GroupMachine, now: Now): void {
    const { env, session } = this.#options;
    machine.loaded(now);
    if (!session.lastCloseWasClean && session.previousBrokerEpoch !== undefined) {
      machine.directoryMembersUnheard(session.previousBrokerEpoch, now);
    }
    const { shard } = this.#lives.get(index) ?? {};
    env.clock.timer(
      UNHEARD_MS,
      () => shard?.turn((loaded, then) => loaded.directoryMembersUnheard(undefined, then)),
      true,
    );
  }

  #failed(index: number, reason: string): void {
    const life = this.#lives.get(index);
    if (life === undefined) return;
    this.#lives.delete(index);
    const hasLasted = this.#options.env.clock.monotonicMs() - life.begunMs > LASTING_MS;
    this.#failures.set(index, { count: hasLasted ? 1 : life.failureCount + 1, reason, idle: life.shard.idle() });
  }

  #follow(image: ClusterImage): void {
    const before = this.#image;
    this.#image = image;
    if (image.topics === before.topics) return;
    const deleted = deletedTopics(before.topics, image);
    if (deleted.some(({ name }) => name === OFFSETS_TOPIC)) {
      const lost = new KafkaError('NOT_COORDINATOR', `${OFFSETS_TOPIC} was deleted`);
      for (const { shard } of this.#lives.values()) shard.end(lost);
      this.#lives.clear();
      this.#failures.clear();
    }
    for (const { shard } of this.#lives.values()) {
      shard.turn((machine, now) => machine.topicsChanged(deleted, now));
    }
  }

  #expireLater(): Timer {
    const { env, expiryIntervalMs } = this.#options;
    return env.clock.timer(
      Math.min(EXPIRY_INTERVAL_MS_MAX, expiryIntervalMs()),
      () => {
        for (const { shard } of this.#lives.values()) shard.turn((machine, now) => machine.expireOffsets(now));
        this.#expiryTimer = this.#expireLater();
      },
      true,
    );
  }
}

/**
 * What groups cost a broker: many groups of one member each, and one group of many members, of both kinds. Printed are the time until
 * all is stable, and the broker's CPU and memory until then and while members only send heartbeats. Nothing is judged.
 *
 *   npm run build && node --import=tsx bench/groups.ts [--groups 1000] [--members 200] [--seconds 10]
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  ConsumerGroupHeartbeat,
  CreateTopics,
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  ListGroups,
  SyncGroup,
} from '../src/protocol/apis/index.ts';
import { errorName } from '../src/protocol/errors.ts';
import type { ResponseOf } from '../src/protocol/schema.ts';
import { RawProducer } from '../test/helpers/raw-producer.ts';
import { startServe, withFolder } from '../test/helpers/streamctl.ts';
import { processFigures } from './measure.ts';

type Kind = 'classic' | 'consumer';

interface Sizes {
  readonly groups: number;
  readonly members: number;
  readonly seconds: number;
}

const TOPIC = 't';
/** Of the topic: two a member, and some for a group of one. */
const PARTITIONS_A_MEMBER = 2;
const PARTITIONS_MIN = 8;
/** As our own members send them. */
const HEARTBEAT_MS = 1500;
const REBALANCE_MS = 300_000;
const SESSION_MS = 60_000;
const PATIENCE_MS = 600_000;
/** A member of each of so many groups is more than one address may have by default. */
const SETTINGS = [
  `group.consumer.session.timeout.ms=${SESSION_MS}`,
  'max.connections=100000',
  'max.connections.per.ip=100000',
  'max.connection.creation.rate=100000',
].flatMap((setting) => ['-X', setting]);
const NO_SUBSCRIPTION = Buffer.alloc(0);

/** One member on a connection of its own: joins, takes what it is given, and says that it lives until `stop`. */
class Member {
  readonly #connection: RawProducer;
  readonly #groupId: string;
  #memberId: string;
  #isStopped = false;
  /** Undefined while it has no part in a generation. */
  generation: number | undefined;
  readonly done: Promise<void>;

  constructor(connection: RawProducer, groupId: string, kind: Kind, memberId: string) {
    this.#connection = connection;
    this.#groupId = groupId;
    this.#memberId = kind === 'consumer' ? memberId : '';
    this.done = kind === 'classic' ? this.#beClassic() : this.#beConsumer();
    // Told when the member is stopped.
    this.done.catch(() => undefined);
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    return this.done.finally(() => this.#connection.close());
  }

  async #beClassic(): Promise<void> {
    while (!this.#isStopped) {
      this.generation ??= await this.#join();
      if (this.generation === undefined) continue;
      await sleep(HEARTBEAT_MS);
      const request = { groupId: this.#groupId, memberId: this.#memberId, generationId: this.generation };
      const { errorCode } = await this.#connection.request(Heartbeat, 3, request);
      if (errorCode !== 0) this.#leaveGeneration(errorCode);
    }
  }

  /** Undefined when it has to be tried again. */
  async #join(): Promise<number | undefined> {
    const joined = await this.#connection.request(JoinGroup, 5, {
      groupId: this.#groupId,
      memberId: this.#memberId,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: NO_SUBSCRIPTION }],
    });
    this.#memberId = joined.memberId;
    if (joined.errorCode !== 0) return this.#leaveGeneration(joined.errorCode);
    const { generationId, members } = joined;
    const synced = await this.#connection.request(SyncGroup, 3, {
      groupId: this.#groupId,
      generationId,
      memberId: this.#memberId,
      // Only the leader is told the members.
      assignments: members.map(({ memberId }) => ({ memberId, assignment: Buffer.alloc(20) })),
    });
    return synced.errorCode === 0 ? generationId : this.#leaveGeneration(synced.errorCode);
  }

  #leaveGeneration(errorCode: number): undefined {
    const error = errorName(errorCode);
    assert.ok(/REBALANCE_IN_PROGRESS|ILLEGAL_GENERATION|MEMBER_ID_REQUIRED|UNKNOWN_MEMBER_ID/.test(error), error);
    if (error === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
    this.generation = undefined;
  }

  async #beConsumer(): Promise<void> {
    const joins = { subscribedTopicNames: [TOPIC], rebalanceTimeoutMs: REBALANCE_MS };
    let epoch = 0;
    // Null as other clients have it: the same as before.
    let owned: readonly { readonly topicId: string; readonly partitions: readonly number[] }[] | null = [];
    while (!this.#isStopped) {
      const answer: ResponseOf<typeof ConsumerGroupHeartbeat> = await this.#connection.request(
        ConsumerGroupHeartbeat,
        1,
        {
          groupId: this.#groupId,
          memberId: this.#memberId,
          memberEpoch: epoch,
          ...(epoch === 0 ? joins : {}),
          subscribedTopicRegex: null,
          topicPartitions: owned,
        },
      );
      assert.equal(errorName(answer.errorCode), 'NONE', answer.errorMessage ?? '');
      epoch = answer.memberEpoch;
      this.generation = epoch;
      // What it was given it says at once that it has.
      owned = answer.assignment === null ? null : answer.assignment.topicPartitions;
      if (owned === null) await sleep(HEARTBEAT_MS);
    }
  }
}

async function prepare(bootstrap: string, numPartitions: number): Promise<RawProducer> {
  const admin = await RawProducer.open(bootstrap);
  const topics = [{ name: TOPIC, numPartitions, replicationFactor: 1, assignments: [], configs: [] }];
  const made = await admin.request(CreateTopics, 7, { topics, timeoutMs: 60_000, validateOnly: false });
  assert.equal(made.topics[0]?.errorCode, 0);
  const found = await admin.request(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] });
  assert.equal(found.coordinators[0]?.errorCode, 0);
  return admin;
}

async function stableCount(admin: RawProducer): Promise<number> {
  const listed = await admin.request(ListGroups, 5, { statesFilter: ['Stable'], typesFilter: [] });
  return listed.groups.length;
}

async function measure(kind: Kind, groupCount: number, membersPerGroup: number, seconds: number): Promise<string> {
  return await withFolder(async (folder) => {
    const serving = await startServe(`${folder}/data`, ...SETTINGS);
    const pid = serving.process.pid ?? 0;
    const admin = await prepare(serving.bootstrap, Math.max(PARTITIONS_MIN, PARTITIONS_A_MEMBER * membersPerGroup));
    const count = groupCount * membersPerGroup;
    const connections = await Promise.all(Array.from({ length: count }, () => RawProducer.open(serving.bootstrap)));
    const before = processFigures(pid);
    const beganMs = performance.now();
    const members = connections.map(
      (connection, at) => new Member(connection, `g${Math.floor(at / membersPerGroup)}`, kind, `m${at}`),
    );
    const failed = Promise.race(members.map(({ done }) => done));
    await Promise.race([settled(admin, members, groupCount, membersPerGroup), failed]);
    const stableMs = performance.now() - beganMs;
    const stable = processFigures(pid);
    await Promise.race([sleep(seconds * 1000), failed]);
    const later = processFigures(pid);
    await Promise.all(members.map((member) => member.stop()));
    admin.close();
    assert.equal(await serving.stop(), 0);
    return [
      `${kind}: ${groupCount} groups of ${membersPerGroup}: stable in ${(stableMs / 1000).toFixed(1)} s`,
      `CPU ${(stable.cpuSeconds - before.cpuSeconds).toFixed(2)} s`,
      `then ${((100 * (later.cpuSeconds - stable.cpuSeconds)) / seconds).toFixed(1)}% of a core`,
      `RSS ${before.residentMb.toFixed(0)} -> ${stable.residentMb.toFixed(0)} MiB, at most ${later.peakResidentMb.toFixed(0)}`,
      `generation ${Math.max(...members.map(({ generation }) => generation ?? 0))}`,
    ].join(', ');
  });
}

/** All members of a group are in the same generation, and the broker calls every group stable. */
async function settled(
  admin: RawProducer,
  members: readonly Member[],
  groupCount: number,
  membersPerGroup: number,
): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  const agree = (group: readonly Member[]) =>
    group.every(({ generation }) => generation !== undefined && generation === group[0]?.generation);
  const groups = Array.from({ length: groupCount }, (_, at) =>
    members.slice(at * membersPerGroup, (at + 1) * membersPerGroup),
  );
  while (!groups.every(agree) || (await stableCount(admin)) !== groupCount) {
    assert.ok(performance.now() < endMs, 'the groups do not become stable');
    await sleep(100);
  }
}

const { values } = parseArgs({
  options: { groups: { type: 'string' }, members: { type: 'string' }, seconds: { type: 'string' } },
});
const sizes: Sizes = {
  groups: Number(values.groups ?? 1000),
  members: Number(values.members ?? 200),
  seconds: Number(values.seconds ?? 10),
};
for (const kind of ['classic', 'consumer'] as const) {
  process.stdout.write(`${await measure(kind, sizes.groups, 1, sizes.seconds)}\n`);
  process.stdout.write(`${await measure(kind, 1, sizes.members, sizes.seconds)}\n`);
}

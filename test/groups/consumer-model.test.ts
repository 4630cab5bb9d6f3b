/**
 * KIP-848 groups against clients that lose answers, ask late or twice, die, leave and come back, over a coordinator that is loaded anew
 * and topics that change. Whatever happens: nobody has what another one has (I-24), the log alone gives the same group, compacted or
 * not; and when all who live beat on, the group becomes stable with all partitions given out.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeGroupRecord } from '../../src/protocol/group/group-record.ts';
import { ConsumerWorld, REBALANCE_848_MS, SESSION_848_MS } from './consumer-world.ts';
import type { Asked } from './group-world.ts';

type Beat = Parameters<ConsumerWorld['beat']>[0];
type Answer = ReturnType<ConsumerWorld['beat']> extends Asked<infer R> ? R : never;

const CLIENT_COUNT = 5;
const TOPICS = ['bar', 'foo'];
const SOON_OVER_MS = Math.max(SESSION_848_MS, REBALANCE_848_MS) + 1000;

/** A process of one client, which may be followed by others. What it has it has until it gives it up itself. */
class Client {
  has = new Set<string>();
  isAlive = false;
  memberId = '';
  readonly #world: ConsumerWorld;
  readonly #name: string;
  readonly #instanceId: string | null;
  #life = 0;
  #epoch = 0;
  #told = new Set<string>();
  #topics: readonly string[] = TOPICS;
  #saysAll = true;
  /** Sent and not delivered yet, oldest first; answers to all but the newest come too late. */
  #sent: Beat[] = [];

  constructor(world: ConsumerWorld, index: number) {
    this.#world = world;
    this.#name = `m${index}`;
    this.#instanceId = index < 2 ? `i${index}` : null;
  }

  send(): void {
    if (!this.isAlive) this.#start();
    // It has given up on the answer to the last one, and may have missed what that told.
    if (this.#sent.length > 0) this.#saysAll = true;
    const joins = this.#epoch === 0;
    this.#sent.push({
      memberId: this.memberId,
      memberEpoch: this.#epoch,
      instanceId: this.#instanceId,
      ...(this.#saysAll || joins
        ? {
            rebalanceTimeoutMs: REBALANCE_848_MS,
            subscribedTopicNames: this.#topics,
            owned: joins ? '' : this.#format(),
          }
        : { owned: this.#format() }),
    });
    this.#saysAll = false;
  }

  /** Twice: one answer was lost on the way, and the client asked again and said all. */
  deliver({ isLost = false, isTwice = false } = {}): void {
    const request = this.#sent.shift();
    if (request === undefined) return;
    const again = { ...request, rebalanceTimeoutMs: REBALANCE_848_MS, subscribedTopicNames: this.#topics };
    if (isTwice) this.#world.beat(request);
    const asked = this.#world.beat(isTwice ? again : request);
    if (isLost || this.#sent.length > 0 || !this.isAlive) {
      this.#saysAll = true;
      return;
    }
    this.#hear(asked);
  }

  /** What it is not to have any more it has finished with. */
  release(): void {
    this.has = new Set([...this.has].filter((each) => this.#told.has(each)));
  }

  /** Only after it has let go of the rest. */
  take(): void {
    this.release();
    this.has = new Set(this.#told);
  }

  beat(): void {
    this.send();
    while (this.#sent.length > 0) this.deliver();
  }

  subscribe(topics: readonly string[]): void {
    this.#topics = topics;
    this.#saysAll = true;
  }

  leave(forAWhile: boolean): void {
    if (!this.isAlive || this.#epoch === 0) return;
    this.#end();
    const memberEpoch = forAWhile && this.#instanceId !== null ? -2 : -1;
    this.#world.beat({ memberId: this.memberId, memberEpoch, instanceId: this.#instanceId });
  }

  /** Nobody is told. What it has sent may still come. */
  die(): void {
    this.#end();
  }

  #start(): void {
    this.isAlive = true;
    this.#life += 1;
    this.memberId = `${this.#name}-${this.#life}`;
    this.#sent = [];
    this.#rejoin();
  }

  #end(): void {
    this.isAlive = false;
    this.has = new Set();
  }

  #rejoin(): void {
    this.has = new Set();
    this.#told = new Set();
    this.#epoch = 0;
    this.#saysAll = true;
  }

  #hear(asked: Asked<Answer>): void {
    if (asked.failure !== undefined) {
      const expected = ['FENCED_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID', 'UNRELEASED_INSTANCE_ID', 'GROUP_ID_NOT_FOUND'];
      assert(expected.includes(asked.failure), asked.failure);
      this.#rejoin();
      return;
    }
    const { memberEpoch, assignment } = asked.value;
    this.#epoch = memberEpoch;
    if (assignment === null) return;
    const partitions = assignment.topicPartitions.flatMap(({ topicId, partitions: each }) =>
      each.map((partition) => `${topicId}:${partition}`),
    );
    this.#told = new Set(partitions);
  }

  /** What it may take at any moment it says that it has: whoever says less has to let go of it first. */
  #format(): string {
    const byTopic = new Map<string, number[]>();
    for (const each of new Set([...this.has, ...this.#told])) {
      const [topicId = '', partition = ''] = each.split(':');
      byTopic.set(topicId, [...(byTopic.get(topicId) ?? []), Number(partition)]);
    }
    return this.#world.format([...byTopic].map(([topicId, partitions]) => ({ topicId, partitions })));
  }
}

type Step =
  | { readonly kind: 'beat' | 'send' | 'release' | 'take' | 'die'; readonly who: number }
  | { readonly kind: 'deliver'; readonly who: number; readonly isLost: boolean; readonly isTwice: boolean }
  | { readonly kind: 'leave'; readonly who: number; readonly forAWhile: boolean }
  | { readonly kind: 'subscribe'; readonly who: number; readonly topics: readonly string[] }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'topic'; readonly topic: string; readonly partitionCount: number }
  | { readonly kind: 'reload' };

const who = fc.integer({ min: 0, max: CLIENT_COUNT - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('beat' as const), who }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('send' as const), who }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('deliver' as const), who, isLost: fc.boolean(), isTwice: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('release' as const, 'take' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), who, forAWhile: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('subscribe' as const), who, topics: fc.subarray(TOPICS) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 3000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('topic' as const),
      topic: fc.constantFrom(...TOPICS),
      partitionCount: fc.integer({ min: 0, max: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reload' as const) }) },
);

describe('groups: KIP-848 groups whatever happens', () => {
  for (const assignor of ['uniform', 'range']) {
    it(`no partition is had twice, the log tells all, and it settles: ${assignor}`, () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 10, maxLength: 80 }), (steps) => run(assignor, steps)),
        { numRuns: 200 },
      );
    });
  }
});

function run(assignor: string, steps: readonly Step[]): void {
  const world = new ConsumerWorld({ foo: 5 }, { consumerAssignors: [assignor] });
  const clients = Array.from({ length: CLIENT_COUNT }, (_, index) => new Client(world, index));
  for (const each of steps) {
    play(world, clients, each);
    checkOwners(world, clients);
    checkLog(world);
  }
  settle(world, clients);
}

function play(world: ConsumerWorld, clients: readonly Client[], each: Step): void {
  if (each.kind === 'pass') {
    world.pass(each.ms);
    return;
  }
  if (each.kind === 'reload') {
    world.reload();
    return;
  }
  if (each.kind === 'topic') {
    if (each.partitionCount === 0) world.removeTopic(each.topic);
    else if ((world.topics.get(each.topic)?.partitionCount ?? 0) < each.partitionCount) {
      world.setTopic(each.topic, each.partitionCount);
    }
    world.changeTopics();
    return;
  }
  const client = clients[each.who]!;
  if (each.kind === 'beat') client.beat();
  else if (each.kind === 'send') client.send();
  else if (each.kind === 'deliver') client.deliver(each);
  else if (each.kind === 'release') client.release();
  else if (each.kind === 'take') client.take();
  else if (each.kind === 'die') client.die();
  else if (each.kind === 'leave') client.leave(each.forAWhile);
  else if (each.kind === 'subscribe') client.subscribe(each.topics);
}

/** Of members that the coordinator knows: what they may have, to let go of included. */
function reserved(world: ConsumerWorld): Map<string, Set<string>> {
  const byMember = new Map<string, Set<string>>();
  for (const record of world.log) {
    if (record.kind !== 'consumer-group-current-member-assignment') continue;
    if (record.value === null) byMember.delete(record.memberId);
    else {
      const topics = [...record.value.assignedPartitions, ...record.value.partitionsPendingRevocation];
      const all = topics.flatMap(({ topicId, partitions }) => partitions.map((each) => `${topicId}:${each}`));
      assert.equal(new Set(all).size, all.length, 'a partition twice in one record');
      byMember.set(record.memberId, new Set(all));
    }
  }
  return byMember;
}

function checkOwners(world: ConsumerWorld, clients: readonly Client[]): void {
  const known = reserved(world);
  const seen = new Set<string>();
  for (const partitions of known.values()) {
    for (const each of partitions) {
      assert(!seen.has(each), 'two members have a partition');
      seen.add(each);
    }
  }
  for (const { memberId, has, isAlive } of clients) {
    const own = known.get(memberId);
    // Whoever was removed without knowing it yet is out of the coordinator's hands.
    if (!isAlive || own === undefined) continue;
    for (const each of has) assert(own.has(each), 'a client has what the coordinator may give to others');
  }
}

function checkLog(world: ConsumerWorld): void {
  if (world.list().length === 0) return;
  const live = world.consumer();
  assert.deepEqual(world.consumer('g', world.load()), live);
  const newest = new Map(world.log.map((record) => [encodeGroupRecord(record).key.toString('hex'), record]));
  const whole = [...world.log];
  world.log.splice(
    0,
    Infinity,
    ...whole.filter((record) => record.value !== null && [...newest.values()].includes(record)),
  );
  const compacted = world.consumer('g', world.load());
  world.log.splice(0, Infinity, ...whole);
  assert.deepEqual(sorted(compacted), sorted(live));
}

function sorted<D extends { readonly members: readonly { readonly memberId: string }[] }>(described: D): D {
  return {
    ...described,
    members: [...described.members].sort((left, right) => (left.memberId < right.memberId ? -1 : 1)),
  };
}

/** All who live go on without a fault: the rest is forgotten, and nothing is left to do. */
function settle(world: ConsumerWorld, clients: readonly Client[]): void {
  const alive = clients.filter(({ isAlive }) => isAlive);
  for (let round = 0; round < 40; round++) {
    for (const client of alive) {
      client.beat();
      client.take();
    }
    checkOwners(world, clients);
    world.pass(SOON_OVER_MS / 10);
  }
  if (world.list().length === 0) return;
  const { groupState, members } = world.consumer();
  assert.equal(groupState, alive.length === 0 ? 'Empty' : 'Stable');
  assert.deepEqual(members.map(({ memberId }) => memberId).sort(), alive.map(({ memberId }) => memberId).sort());
  const given = new Map(
    members.map(({ memberId, assignment }) => [
      memberId,
      assignment.topicPartitions.flatMap(({ topicId, partitions }) => partitions.map((each) => `${topicId}:${each}`)),
    ]),
  );
  for (const { memberId, has } of alive) assert.deepEqual([...has].sort(), (given.get(memberId) ?? []).sort());
  for (const [name, { topicId, partitionCount }] of world.topics) {
    const isWanted = members.some(({ subscribedTopicNames }) => subscribedTopicNames.includes(name));
    const got = [...given.values()].flat().filter((each) => each.startsWith(`${topicId}:`));
    assert.equal(new Set(got).size, isWanted ? partitionCount : 0, name);
  }
}

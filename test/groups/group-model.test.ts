/**
 * Random members of a classic group that join, sync, commit, fall silent, die, come back and are fenced, and a coordinator that is loaded
 * anew at any moment. After each step: what the log alone gives is what the machine has (I-22), acked commits are what is read (I-23),
 * each partition has one owner a generation, and nobody of an older one commits (I-24). In the end all that live are stable.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { KafkaError } from '../../src/protocol/errors.ts';
import { GroupWorld, SESSION_MS } from './group-world.ts';
import { ModelClient, type Ownership, PARTITION_COUNT } from './model-client.ts';

const SLOTS = 4;
/** Each of them takes part in each of such steps. */
const ZOMBIES_MAX = 6;
const slot = fc.nat(SLOTS - 1);

const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ does: fc.constant('step' as const), slot }) },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant('commit' as const), slot, partition: fc.nat(PARTITION_COUNT - 1) }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('zombie' as const), partition: fc.nat(PARTITION_COUNT - 1) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('die' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('disconnect' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('leave' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('change' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('reload' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('full disk' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 2 * SESSION_MS }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class Model {
  readonly world: GroupWorld;
  readonly clients: ModelClient[];
  readonly #zombies: Ownership[] = [];
  /** By generation and partition: the member, by its instance if it has one. */
  readonly #owners = new Map<string, string>();
  readonly #acked: Record<string, bigint> = {};
  #syncedGeneration = 0;
  #connections = 0;
  #commits = 0n;
  #logLength = 0;
  #durable: unknown;

  constructor(initialRebalanceDelayMs: number) {
    this.world = new GroupWorld({ initialRebalanceDelayMs });
    this.clients = Array.from({ length: SLOTS }, (_, index) => this.#newClient(index));
  }

  run(each: Step): void {
    const { world } = this;
    const client = 'slot' in each ? this.clients[each.slot]! : undefined;
    if (each.does === 'pass') world.pass(each.ms);
    else if (each.does === 'reload') world.reload(new KafkaError('NOT_COORDINATOR'));
    else if (each.does === 'zombie') this.#rouse(each.partition);
    else if (each.does === 'full disk')
      world.appendError = world.appendError ? undefined : new KafkaError('KAFKA_STORAGE_ERROR');
    else if (each.does === 'commit' && client?.owned !== undefined) this.#commit(client.owned, each.partition);
    else if (each.does === 'step') this.#step(client!);
    else if (each.does === 'change') client!.metadata += '+';
    else if (each.does === 'die' || each.does === 'disconnect' || each.does === 'leave')
      this.#end(each.slot, each.does);
    this.check();
  }

  check(): void {
    const { world } = this;
    const loaded = world.load();
    const live = world.describe();
    const stored = world.describe('g', loaded);
    if (live.groupState === 'Stable') assert.deepEqual(stored, live);
    if (live.groupState === 'Empty' || live.groupState === 'Dead') assert.equal(stored.groupState, live.groupState);
    const groupRecords = world.log.filter(({ kind }) => kind === 'group-metadata').length;
    if (groupRecords !== this.#logLength) {
      this.#logLength = groupRecords;
      this.#durable = stored;
    }
    if (this.#durable !== undefined)
      assert.deepEqual(stored, this.#durable, 'the log says something else without a record');
    assert.deepEqual(world.offsets(), this.#acked);
    assert.deepEqual(world.offsets('g', loaded), this.#acked);
    assert.deepEqual(
      world.list(loaded).map(({ groupId }) => groupId),
      world.list().map(({ groupId }) => groupId),
    );
  }

  /** Whoever lives goes on until the group is stable with all of them, and nobody else. */
  settle(): void {
    const { world } = this;
    world.appendError = undefined;
    for (const [index, client] of this.clients.entries())
      if (client.isFenced) this.clients[index] = this.#newClient(index);
    for (let round = 0; round < 400; round += 1) {
      for (const client of this.clients) this.#step(client);
      world.pass(500);
      this.check();
    }
    assert.equal(world.state(), 'Stable');
    const owned = this.clients.map((client) => client.owned);
    assert(owned.every((each) => each !== undefined));
    assert.deepEqual(
      new Set(world.describe().members.map(({ memberId }) => memberId)),
      new Set(owned.map((each) => each?.memberId)),
    );
    assert.deepEqual(owned.flatMap((each) => each?.partitions ?? []).sort(), [0, 1, 2, 3, 4, 5]);
    for (const client of this.clients)
      world.leave([{ memberId: client.memberId, groupInstanceId: client.groupInstanceId }]);
    assert.equal(world.state(), 'Empty');
    world.pass(SESSION_MS);
    assert.equal(world.machine.nextDueMs, Infinity);
  }

  #newClient(index: number): ModelClient {
    this.#connections += 1;
    // One of them is static; every second one came by directory.
    return new ModelClient(index === 0 ? 'i' : null, index % 2 === 0 ? this.#connections : undefined);
  }

  #step(client: ModelClient): void {
    const before = client.owned;
    const owned = client.step(this.world);
    // A member that has to join again may have work under way still.
    if (before !== undefined && client.owned === undefined) this.#zombies.push(before);
    if (owned === undefined) return;
    this.#syncedGeneration = Math.max(this.#syncedGeneration, owned.generation);
    for (const partition of owned.partitions) {
      const key: string = `${owned.generation}/${partition}`;
      const owner: string = owned.groupInstanceId ?? owned.memberId;
      assert.equal(this.#owners.get(key) ?? owner, owner, `${key} has two owners`);
      this.#owners.set(key, owner);
    }
  }

  /** Those who were members once try what they could do then. */
  #rouse(partition: number): void {
    for (const zombie of this.#zombies.slice(-ZOMBIES_MAX)) {
      this.#commit(zombie, partition);
      if (zombie.generation >= this.#syncedGeneration) continue;
      const { value } = this.world.sync(zombie, { groupInstanceId: zombie.groupInstanceId });
      assert.notEqual(value.errorCode, 0, 'a sync of an older generation was answered');
    }
  }

  #commit(member: Ownership, partition: number): void {
    this.#commits += 1n;
    const { memberId, generation, groupInstanceId } = member;
    const who = groupInstanceId === null ? { memberId, generation } : { memberId, generation, groupInstanceId };
    const asked = this.world.commit(who, [{ partition, offset: this.#commits }]);
    if (asked.isRefused) return;
    assert.equal(asked.value[0]?.errorCode, 0);
    assert(member.generation >= this.#syncedGeneration, 'a commit of an older generation was taken');
    this.#acked[`t-${partition}`] = this.#commits;
  }

  #end(index: number, how: 'die' | 'disconnect' | 'leave'): void {
    const client = this.clients[index]!;
    if (client.owned !== undefined) this.#zombies.push(client.owned);
    if (how === 'leave') this.world.askLeave([{ memberId: client.memberId, groupInstanceId: client.groupInstanceId }]);
    const { connectionId } = client;
    if (how === 'disconnect' && connectionId !== undefined) {
      this.world.turn((machine, now) => machine.connectionGone(connectionId, now));
    }
    this.clients[index] = this.#newClient(index);
  }
}

describe('groups: random members of a classic group', () => {
  for (const delayMs of [0, 3000]) {
    it(`keep I-22, I-23 and I-24, with an initial delay of ${delayMs} ms`, () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 40, maxLength: 150, size: 'max' }), (steps) => {
          const model = new Model(delayMs);
          for (const each of steps) model.run(each);
        }),
        { numRuns: 200 },
      );
    }).timeout(120_000);
  }

  it('are stable in the end, whatever happened', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const model = new Model(0);
        for (const each of steps) model.run(each);
        model.settle();
      }),
      { numRuns: 30 },
    );
  }).timeout(120_000);
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type Assignment,
  assignRanges,
  assignRoundRobin,
  type ClassicAssignor,
  type Subscriber,
} from '../../src/client/consumer-assignors.ts';

function member(memberId: string, topics: readonly string[], instanceId: string | null = null): Subscriber {
  return { memberId, instanceId, topics };
}

function shown(assignment: Assignment): Record<string, string> {
  return Object.fromEntries(
    [...assignment].map(([id, parts]) => [
      id,
      parts.flatMap(({ topic, partitions }) => partitions.map((each) => `${topic}${each}`)).join(' '),
    ]),
  );
}

describe('assignors of classic groups', () => {
  // As Kafka's RangeAssignorTest and RoundRobinAssignorTest have them.
  it('range: a run of each topic, one more for the first', () => {
    const two = [member('b', ['s', 't']), member('a', ['s', 't'])];
    const counts = new Map([
      ['s', 3],
      ['t', 3],
    ]);
    assert.deepEqual(shown(assignRanges(two, counts)), { a: 's0 s1 t0 t1', b: 's2 t2' });
    const apart = [member('a', ['s']), member('b', ['s', 't']), member('c', ['s'])];
    assert.deepEqual(shown(assignRanges(apart, new Map([...counts, ['t', 2]]))), { a: 's0', b: 's1 t0 t1', c: 's2' });
  });

  it('round robin: all partitions dealt out one by one', () => {
    const two = [member('b', ['s', 't']), member('a', ['s', 't'])];
    const counts = new Map([
      ['s', 3],
      ['t', 3],
    ]);
    assert.deepEqual(shown(assignRoundRobin(two, counts)), { a: 's0 s2 t1', b: 's1 t0 t2' });
    const apart = [member('a', ['s']), member('b', ['s', 't']), member('c', ['s'])];
    assert.deepEqual(shown(assignRoundRobin(apart, new Map([...counts, ['t', 2]]))), {
      a: 's0',
      b: 's1 t0 t1',
      c: 's2',
    });
  });

  it('static members come first, by their instance ids', () => {
    const members = [member('a', ['t']), member('z', ['t'], 'one'), member('y', ['t'], 'two')];
    assert.deepEqual(shown(assignRanges(members, new Map([['t', 3]]))), { z: 't0', y: 't1', a: 't2' });
  });

  for (const [name, assign] of Object.entries({ assignRanges, assignRoundRobin })) {
    it(`${name}: each partition that somebody reads has one owner, who reads its topic`, () => {
      const topic = fc.constantFrom('s', 't', 'u', 'gone');
      const members = fc.uniqueArray(fc.record({ id: fc.string(), topics: fc.uniqueArray(topic) }), {
        selector: ({ id }) => id,
        maxLength: 6,
      });
      const counts = fc.tuple(fc.nat(7), fc.nat(7), fc.nat(7));
      fc.assert(
        fc.property(members, counts, (some, [s, t, u]) => {
          checkOwners(
            assign,
            some.map(({ id, topics }) => member(id, topics)),
            new Map(Object.entries({ s, t, u })),
          );
        }),
      );
    });
  }
});

function checkOwners(
  assign: ClassicAssignor,
  members: readonly Subscriber[],
  counts: ReadonlyMap<string, number>,
): void {
  const assignment = assign(members, counts);
  assert.equal(assignment.size, members.length);
  const owned = [...assignment].flatMap(([id, parts]) =>
    parts.flatMap(({ topic, partitions }) => {
      assert.ok(members.find(({ memberId }) => memberId === id)?.topics.includes(topic));
      return partitions.map((partition) => `${topic} ${partition}`);
    }),
  );
  const wanted = [...counts].flatMap(([topic, count]) =>
    members.some(({ topics }) => topics.includes(topic))
      ? Array.from({ length: count }, (_, partition) => `${topic} ${partition}`)
      : [],
  );
  assert.deepEqual(owned.sort(), wanted.sort());
}

/**
 * Cases of Kafka's OptimizedUniformAssignmentBuilderTest.java and UniformHeterogeneousAssignmentBuilderTest.java, and what the
 * assignor promises of any input.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { uniformAssignor } from '../../../src/groups/assignors/uniform.ts';
import type { Assignment } from '../../../src/groups/consumer-assignment.ts';
import { assignShort, formatShort, parseShort } from './assignor-cases.ts';

const assign = assignShort.bind(undefined, uniformAssignor);

function partitionCount(assignment: Assignment): number {
  return [...assignment.values()].reduce((count, { size }) => count + size, 0);
}

describe('groups: the uniform assignor where all subscribe to the same topics', () => {
  it('gives nothing to one that subscribes to nothing', () => {
    assert.deepEqual(assign({ t1: 3 }, { A: { topics: '' } }), { A: '' });
  });

  it('two members, two topics', () => {
    const both = { topics: 't1 t3' };
    // Kafka's test has the topics in the order of a hash map; the sizes are the same.
    assert.deepEqual(assign({ t1: 3, t3: 2 }, { A: both, B: both }), { A: 't1:0,1,2', B: 't3:0,1' });
  });

  it('more members than partitions', () => {
    const one = { topics: 't3' };
    assert.deepEqual(assign({ t3: 2 }, { A: one, B: one, C: one }), { A: 't3:0', B: 't3:1', C: '' });
  });

  it('moves no more than it must to balance', () => {
    assert.deepEqual(
      assign(
        { t1: 3, t2: 3 },
        { A: { topics: 't1 t2', had: 't1:0,1 t2:0,1' }, B: { topics: 't1 t2', had: 't1:2 t2:2' } },
      ),
      { A: 't1:0,1 t2:0', B: 't1:2 t2:1,2' },
    );
  });

  it('partitions that were added', () => {
    assert.deepEqual(
      assign(
        { t1: 6, t2: 5 },
        { A: { topics: 't1 t2', had: 't1:0,2 t2:0' }, B: { topics: 't1 t2', had: 't1:1 t2:1,2' } },
      ),
      { A: 't1:0,2,3,4,5 t2:0', B: 't1:1 t2:1,2,3,4' },
    );
  });

  it('a member that comes', () => {
    assert.deepEqual(
      assign(
        { t1: 3, t2: 3 },
        {
          A: { topics: 't1 t2', had: 't1:0,2 t2:0' },
          B: { topics: 't1 t2', had: 't1:1 t2:1,2' },
          C: { topics: 't1 t2' },
        },
      ),
      { A: 't1:0,2', B: 't1:1 t2:1', C: 't2:0,2' },
    );
  });

  it('a member that goes', () => {
    assert.deepEqual(
      assign({ t1: 3, t2: 3 }, { A: { topics: 't1 t2', had: 't1:0 t2:0' }, B: { topics: 't1 t2', had: 't1:1 t2:1' } }),
      { A: 't1:0,2 t2:0', B: 't1:1 t2:1,2' },
    );
  });

  it('a topic that nobody subscribes to any more', () => {
    assert.deepEqual(
      assign({ t1: 2, t2: 2 }, { A: { topics: 't2', had: 't1:0 t2:0' }, B: { topics: 't2', had: 't1:1 t2:1' } }),
      { A: 't2:0', B: 't2:1' },
    );
  });

  it('who has the one more keeps it, whoever comes first', () => {
    assert.deepEqual(assign({ t1: 3 }, { A: { topics: 't1', had: 't1:2' }, B: { topics: 't1', had: 't1:0,1' } }), {
      A: 't1:2',
      B: 't1:0,1',
    });
  });
});

describe('groups: the uniform assignor where members subscribe to different topics', () => {
  it('two members, two topics', () => {
    assert.deepEqual(assign({ t1: 3, t3: 6 }, { A: { topics: 't1 t3' }, B: { topics: 't3' } }), {
      A: 't1:0,1,2 t3:4',
      B: 't3:0,1,2,3,5',
    });
  });

  it('more members than partitions', () => {
    assert.deepEqual(assign({ t1: 2, t3: 1 }, { A: { topics: 't3' }, B: { topics: 't3' }, C: { topics: 't1' } }), {
      A: 't3:0',
      B: '',
      C: 't1:0,1',
    });
  });

  it('an unbalanced assignment before', () => {
    assert.deepEqual(
      assign(
        { t1: 6, t2: 4, t3: 4 },
        {
          A: { topics: 't1', had: 't1:0,1,2' },
          B: { topics: 't1 t2', had: 't1:3 t2:0' },
          C: { topics: 't1 t2 t3', had: 't1:4,5 t2:1,2,3 t3:0,1,2,3' },
        },
      ),
      { A: 't1:0,1,2,5', B: 't1:3 t2:0,1,2,3', C: 't1:4 t3:0,1,2,3' },
    );
  });

  it('partitions that were added', () => {
    assert.deepEqual(
      assign(
        { t1: 6, t2: 5, t3: 3, t4: 3 },
        {
          A: { topics: 't1 t3', had: 't1:0,1,2,3 t3:0,1' },
          B: { topics: 't1 t2 t3 t4', had: 't2:0,1,2 t4:0,1,2' },
        },
      ),
      { A: 't1:0,1,2,3,4,5 t3:0,1,2', B: 't2:0,1,2,3,4 t4:0,1,2' },
    );
  });

  it('a member and partitions that come', () => {
    assert.deepEqual(
      assign(
        { t1: 6, t2: 7 },
        {
          A: { topics: 't1', had: 't1:0,2 t2:0' },
          B: { topics: 't1 t2', had: 't1:1 t2:1,2' },
          C: { topics: 't1 t2' },
        },
      ),
      { A: 't1:0,2,3,4,5', B: 't1:1 t2:1,2,6', C: 't2:0,3,4,5' },
    );
  });

  it('a member that goes', () => {
    assert.deepEqual(
      assign(
        { t1: 3, t2: 8, t3: 3 },
        { A: { topics: 't1 t3', had: 't1:0,1,2 t3:0,1' }, B: { topics: 't2', had: 't2:3,4,5,6' } },
      ),
      { A: 't1:0,1,2 t3:0,1,2', B: 't2:0,1,2,3,4,5,6,7' },
    );
  });

  it('a subscription that goes', () => {
    assert.deepEqual(
      assign(
        { t1: 3, t2: 5 },
        { A: { topics: 't1', had: 't1:0,2 t2:1,3' }, B: { topics: 't1 t2', had: 't1:1 t2:0,2,4' } },
      ),
      { A: 't1:0,1,2', B: 't2:0,1,2,3,4' },
    );
  });
});

describe('groups: the uniform assignor with any input', () => {
  const TOPICS = ['t1', 't2', 't3', 't4'];
  const subscription = fc.subarray(TOPICS, { minLength: 0 });
  const counts = fc.tuple(...TOPICS.map(() => fc.integer({ min: 1, max: 9 })));

  it('gives each partition to one of its subscribers, and the same once more', () => {
    fc.assert(
      fc.property(counts, fc.array(subscription, { minLength: 1, maxLength: 6 }), (sizes, subscriptions) => {
        const topics = Object.fromEntries(TOPICS.map((topic, index) => [topic, sizes[index] ?? 1]));
        const members = Object.fromEntries(
          subscriptions.map((names, index) => [`m${index}`, { topics: names.join(' ') }]),
        );
        const first = assign(topics, members);
        checkWhole(topics, members, first);
        const again = Object.fromEntries(
          Object.entries(members).map(([id, member]) => [id, { ...member, had: first[id] ?? '' }]),
        );
        assert.deepEqual(assign(topics, again), first);
      }),
    );
  });

  it('is balanced within one, and moves only what that takes, where all subscribe alike', () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        ([first, second], countBefore, countAfter) => {
          const topics = { t1: first, t2: second };
          const membersOf = (count: number, had: Record<string, string> = {}) =>
            Object.fromEntries(
              Array.from({ length: count }, (_, index) => [
                `m${index}`,
                { topics: 't1 t2', had: had[`m${index}`] ?? '' },
              ]),
            );
          const before = assign(topics, membersOf(countBefore));
          const after = assign(topics, membersOf(countAfter, before));
          const loads = Object.values(after).map((text) => partitionCount(parseShort(text)));
          assert(Math.max(...loads) - Math.min(...loads) <= 1);
          for (const [memberId, text] of Object.entries(after)) {
            const kept = commonCount(parseShort(before[memberId] ?? ''), parseShort(text));
            const had = partitionCount(parseShort(before[memberId] ?? ''));
            assert(kept === Math.min(had, partitionCount(parseShort(text))), 'nothing moves that could stay');
          }
        },
      ),
    );
  });

  function checkWhole(
    topics: Record<string, number>,
    members: Record<string, { readonly topics: string }>,
    assigned: Record<string, string>,
  ): void {
    for (const [topic, count] of Object.entries(topics)) {
      const isWanted = Object.values(members).some(({ topics: names }) => names.split(' ').includes(topic));
      const got = Object.entries(assigned).flatMap(([memberId, text]) => {
        const partitions = [...(parseShort(text).get(topic) ?? [])];
        assert(partitions.length === 0 || members[memberId]?.topics.split(' ').includes(topic));
        return partitions;
      });
      const all = Array.from({ length: isWanted ? count : 0 }, (_, partition) => partition);
      assert.deepEqual(
        got.sort((left, right) => left - right),
        all,
        formatShort(parseShort(`${topic}:0`)),
      );
    }
  }

  function commonCount(left: Assignment, right: Assignment): number {
    return [...left].reduce(
      (sum, [topicId, partitions]) => sum + [...partitions].filter((each) => right.get(topicId)?.has(each)).length,
      0,
    );
  }
});

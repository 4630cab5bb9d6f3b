/** Cases of Kafka's RangeAssignorTest.java, and what it promises of any input. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { rangeAssignor } from '../../../src/groups/assignors/range.ts';
import { assignShort } from './assignor-cases.ts';

describe('groups: the range assignor', () => {
  const assign = assignShort.bind(undefined, rangeAssignor);

  it('gives nothing to one that subscribes to nothing', () => {
    assert.deepEqual(assign({ t1: 3 }, { A: { topics: '' } }), { A: '' });
  });

  it('two members, two topics', () => {
    const both = { topics: 't1 t3' };
    assert.deepEqual(assign({ t1: 3, t3: 2 }, { A: both, B: both }), { A: 't1:0,1 t3:0', B: 't1:2 t3:1' });
  });

  it('three members with different subscriptions', () => {
    assert.deepEqual(
      assign({ t1: 3, t2: 3, t3: 2 }, { A: { topics: 't1 t2' }, B: { topics: 't3' }, C: { topics: 't2 t3' } }),
      { A: 't1:0,1,2 t2:0,1', B: 't3:0', C: 't2:2 t3:1' },
    );
  });

  it('more members than partitions', () => {
    const both = { topics: 't1 t3' };
    assert.deepEqual(assign({ t1: 3, t3: 2 }, { A: both, B: both, C: both }), {
      A: 't1:0 t3:0',
      B: 't1:1 t3:1',
      C: 't1:2',
    });
  });

  it('static members first, by instance id: a new member id changes nothing', () => {
    const before = assign(
      { t1: 5 },
      { A: { topics: 't1', instanceId: 'iA' }, B: { topics: 't1' }, C: { topics: 't1', instanceId: 'iC' } },
    );
    assert.deepEqual(before, { A: 't1:0,1', C: 't1:2,3', B: 't1:4' });
    const after = assign(
      { t1: 5 },
      { Z: { topics: 't1', instanceId: 'iA' }, B: { topics: 't1' }, C: { topics: 't1', instanceId: 'iC' } },
    );
    assert.deepEqual(after, { Z: 't1:0,1', C: 't1:2,3', B: 't1:4' });
  });

  it('topics with as many partitions as each other are partitioned alike', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 12 }), (partitionCount, memberCount) => {
        const members = Object.fromEntries(
          Array.from({ length: memberCount }, (_, index) => [`m${String(index).padStart(2, '0')}`, { topics: 'a b' }]),
        );
        for (const text of Object.values(assign({ a: partitionCount, b: partitionCount }, members))) {
          const [first = '', second = ''] = text.split(' ');
          assert.equal(first.slice(1), second.slice(1));
        }
      }),
    );
  });
});

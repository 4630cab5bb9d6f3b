import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterRead, fetchPlan, grantRead } from '../../src/broker/fetch-plan.ts';

describe('fetch plan', () => {
  it('gives the first partition at least one batch, however small the limits', () => {
    assert.deepEqual(grantRead(fetchPlan(10), 0), { maxBytes: 0, minOneBatch: true });
    assert.deepEqual(grantRead(fetchPlan(10), -1), { maxBytes: 0, minOneBatch: true });
  });

  it('goes on giving one until some partition had something', () => {
    const plan = afterRead(fetchPlan(100), 0);
    assert.deepEqual(grantRead(plan, 50), { maxBytes: 50, minOneBatch: true });
    assert.deepEqual(grantRead(afterRead(plan, 30), 90), { maxBytes: 70, minOneBatch: false });
  });

  it('gives nothing when the answer is full', () => {
    assert.equal(grantRead(afterRead(fetchPlan(100), 150), 90), undefined);
  });

  it('never grants more than the answer and the partition may have', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.array(fc.record({ partitionMaxBytes: fc.nat(500), available: fc.nat(600) }), { maxLength: 20 }),
        (answerBytesMax, partitions) => {
          let plan = fetchPlan(answerBytesMax);
          let total = 0;
          for (const { partitionMaxBytes, available } of partitions) {
            const grant = grantRead(plan, partitionMaxBytes);
            if (grant === undefined) continue;
            assert.ok(grant.maxBytes <= partitionMaxBytes && total + grant.maxBytes <= answerBytesMax);
            const readBytes = Math.min(available, grant.maxBytes);
            total += readBytes;
            plan = afterRead(plan, readBytes);
          }
        },
      ),
    );
  });
});

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { allSettled } from '../../src/kernel/all-settled.ts';

describe('kernel: allSettled', () => {
  it('answers the values in order', async () => {
    assert.deepEqual(await allSettled([sleep(2, 'a'), Promise.resolve('b')]), ['a', 'b']);
  });

  it('throws what the first in order threw, once nothing runs any more', async () => {
    let isRunning = true;
    const slow = sleep(5).then(() => {
      isRunning = false;
      throw new Error('slow');
    });
    await assert.rejects(allSettled([slow, Promise.reject(new Error('fast'))]), /slow/);
    assert.equal(isRunning, false);
    isRunning = true;
    const late = sleep(5).then(() => {
      isRunning = false;
    });
    await assert.rejects(allSettled<void>([Promise.reject(new Error('fast')), late]), /fast/);
    assert.equal(isRunning, false);
  });
});

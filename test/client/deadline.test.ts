import assert from 'node:assert/strict';
import { Deadline, unlessPassed } from '../../src/client/deadline.ts';
import { VirtualClock } from './test-env.ts';

describe('client: deadlines', () => {
  it('work that is done in time counts, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const beganMs = clock.monotonicMs();
    const work = clock.sleep(4_000).then(() => 'done');
    assert.equal(await clock.run(unlessPassed(clock, new Deadline(clock, 5_000), work, 'late')), 'done');
    assert.equal(clock.monotonicMs() - beganMs, 4_000);
    assert.equal(clock.timerCount, 0);
  });

  it('work that takes longer is not waited for', async () => {
    const clock = new VirtualClock();
    const beganMs = clock.monotonicMs();
    const work = clock.sleep(6_000).then(() => 'done');
    assert.equal(await clock.run(unlessPassed(clock, new Deadline(clock, 5_000), work, 'late')), 'late');
    assert.equal(clock.monotonicMs() - beganMs, 5_000);
  });

  it('without a deadline it is waited for', async () => {
    const clock = new VirtualClock();
    const work = clock.sleep(600_000).then(() => 'done');
    assert.equal(await clock.run(unlessPassed(clock, new Deadline(clock, 0), work, 'late')), 'done');
  });

  it('what work fails with is thrown', async () => {
    const clock = new VirtualClock();
    const work = Promise.reject(new RangeError('the test says so'));
    await assert.rejects(unlessPassed(clock, new Deadline(clock, 5_000), work, 'late'), RangeError);
    assert.equal(clock.timerCount, 0);
  });
});

import assert from 'node:assert/strict';
import { UnsentAnswers } from '../../src/broker/unsent-answers.ts';
import { deferred } from '../../src/kernel/deferred.ts';
import { ManualClock } from './manual-clock.ts';

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('broker: long answers', () => {
  it('are begun for some milliseconds in one turn of the loop, in order, and go on in the next', async () => {
    const clock = new ManualClock();
    const unsent = new UnsentAnswers(clock);
    const begun: number[] = [];
    const made = [0, 1, 2, 3, 4, 5].map((index) =>
      unsent.whenRoom(async () => {
        begun.push(index);
        clock.nowMs += 4;
      }),
    );
    await settle();
    assert.deepEqual(begun, [0, 1, 2]);
    clock.advance(1);
    await settle();
    assert.deepEqual(begun, [0, 1, 2, 3, 4, 5]);
    await Promise.all(made);
  });

  it('do not wait for one that waits for something else', async () => {
    const clock = new ManualClock();
    const unsent = new UnsentAnswers(clock);
    const first = deferred<void>();
    const outcomes: string[] = [];
    const waiting = unsent.whenRoom(async () => {
      clock.nowMs += 20;
      await first.promise;
      outcomes.push('first');
    });
    const other = unsent.whenRoom(async () => outcomes.push('other'));
    await settle();
    assert.deepEqual(outcomes, []);
    clock.advance(1);
    await other;
    first.resolve();
    await waiting;
    assert.deepEqual(outcomes, ['other', 'first']);
  });

  it('wait while too much lies unread, and one that fails lets the next begin', async () => {
    const unsent = new UnsentAnswers(new ManualClock(), 100);
    unsent.add(101);
    const outcomes: string[] = [];
    const failing = unsent.whenRoom(() => Promise.reject(new Error('x'))).catch(() => outcomes.push('failed'));
    const next = unsent.whenRoom(async () => outcomes.push('made'));
    await settle();
    assert.deepEqual(outcomes, []);
    unsent.add(-1);
    await Promise.all([failing, next]);
    assert.deepEqual(outcomes.sort(), ['failed', 'made']);
  });
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { GroupTimers } from '../../src/groups/group-timers.ts';

describe('groups: deadlines', () => {
  /** Keys in the order in which they come due up to `nowMs`. */
  function due(timers: GroupTimers, nowMs: number): string[] {
    const keys: string[] = [];
    for (let turn = timers.takeDue(nowMs); turn !== undefined; turn = timers.takeDue(nowMs)) {
      turn.run({ nowMs, wallMs: 0 });
      keys.push(ran);
    }
    return keys;
  }
  let ran = '';
  const turn = (name: string) => ({
    run: () => {
      ran = name;
    },
    isolated: false,
  });

  it('come due in the order of their times, not before', () => {
    const timers = new GroupTimers();
    for (const [key, atMs] of [
      ['c', 30],
      ['a', 10],
      ['b', 20],
    ] as const)
      timers.schedule(key, atMs, 0, turn(key));
    assert.equal(timers.nextDueMs, 10);
    assert.equal(timers.takeDue(9), undefined);
    assert.deepEqual(due(timers, 25), ['a', 'b']);
    assert.equal(timers.nextDueMs, 30);
    assert.deepEqual(due(timers, 30), ['c']);
    assert.equal(timers.nextDueMs, Infinity);
  });

  it('set again are replaced, to later and to earlier', () => {
    const timers = new GroupTimers();
    timers.schedule('a', 10, 0, turn('old'));
    timers.schedule('a', 50, 0, turn('later'));
    timers.schedule('b', 50, 0, turn('old'));
    timers.schedule('b', 20, 0, turn('earlier'));
    assert.equal(timers.nextDueMs, 20);
    assert.deepEqual(due(timers, 49), ['earlier']);
    assert.equal(timers.nextDueMs, 50);
    assert.deepEqual(due(timers, 50), ['later']);
  });

  it('cancelled never come, and cancelling what is not there is nothing', () => {
    const timers = new GroupTimers();
    timers.schedule('a', 10, 0, turn('a'));
    timers.cancel('a');
    timers.cancel('nothing');
    assert.equal(timers.nextDueMs, Infinity);
    timers.schedule('a', 5, 5, turn('now'));
    timers.cancel('a');
    assert.deepEqual(due(timers, 100), []);
  });

  it('due already come first, in the order in which they were set', () => {
    const timers = new GroupTimers();
    timers.schedule('past', 50, 0, turn('past'));
    for (const key of ['a', 'b', 'a']) timers.schedule(key, 0, 100, turn(key));
    assert.deepEqual(due(timers, 100), ['a', 'b', 'past']);
  });

  it('one that was due and is put off waits', () => {
    const timers = new GroupTimers();
    timers.schedule('a', 0, 10, turn('now'));
    timers.schedule('a', 30, 10, turn('later'));
    assert.equal(timers.nextDueMs, 30);
    assert.deepEqual(due(timers, 30), ['later']);
  });

  it('postponed: sessions move by that and a second more, what was to be next does not move beyond it', () => {
    const timers = new GroupTimers();
    timers.schedule('a', 100, 0, turn('a'));
    timers.schedule('b', 200, 0, turn('b'));
    timers.postpone(30_000);
    assert.equal(timers.nextDueMs, 31_100);
    timers.schedule('now', 0, 500, turn('now'));
    timers.postpone(10_000);
    assert.equal(timers.nextDueMs, 10_500);
    assert.deepEqual(due(timers, 10_500), ['now']);
    assert.deepEqual(due(timers, 42_200), ['a', 'b']);
  });

  it('are what a plain list of them is', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const operation = fc.oneof(
      fc.record({ does: fc.constant('schedule' as const), key, inMs: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ does: fc.constant('cancel' as const), key }),
      fc.record({ does: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 20 }) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const timers = new GroupTimers();
        const plain = new Map<string, number>();
        let nowMs = 0;
        for (const each of operations) {
          if (each.does === 'schedule') {
            timers.schedule(each.key, nowMs + each.inMs, nowMs, turn(each.key));
            plain.set(each.key, nowMs + each.inMs);
          } else if (each.does === 'cancel') {
            timers.cancel(each.key);
            plain.delete(each.key);
          } else {
            nowMs += each.ms;
            const expected = [...plain].filter(([, atMs]) => atMs <= nowMs);
            assert.deepEqual(due(timers, nowMs).sort(), expected.map(([name]) => name).sort());
            for (const [name] of expected) plain.delete(name);
          }
          assert.equal(timers.nextDueMs, Math.min(Infinity, ...plain.values()));
        }
      }),
    );
  });
});

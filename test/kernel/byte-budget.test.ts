import assert from 'node:assert/strict';
import { AssertionError } from '../../src/kernel/assert.ts';
import { ByteBudget } from '../../src/kernel/byte-budget.ts';

describe('ByteBudget', () => {
  it('gives what there is and no more', () => {
    const budget = new ByteBudget(100);
    assert.ok(budget.take(60));
    assert.ok(!budget.take(41));
    assert.ok(budget.take(40));
    assert.equal(budget.usedBytes, 100);
  });

  it('serves the line in order, also when a later and smaller request would fit', () => {
    const budget = new ByteBudget(100);
    const served: string[] = [];
    budget.take(100);
    budget.wait(80, () => served.push('first'));
    budget.wait(10, () => served.push('second'));
    budget.give(50);
    assert.deepEqual(served, []);
    assert.ok(!budget.take(1), 'nobody passes the line');
    budget.give(30);
    assert.deepEqual(served, ['first']);
    budget.give(20);
    assert.deepEqual(served, ['first', 'second']);
    assert.equal(budget.usedBytes, 90);
  });

  it('serves the next one when the first leaves the line', () => {
    const budget = new ByteBudget(100);
    const served: string[] = [];
    budget.take(95);
    const first = budget.wait(80, () => served.push('first'));
    budget.wait(5, () => served.push('second'));
    first.cancel();
    first.cancel();
    assert.deepEqual(served, ['second']);
    assert.equal(budget.waitingCount, 0);
  });

  it('grants more than it has when nothing is in use', () => {
    const budget = new ByteBudget(100);
    assert.ok(budget.take(500));
    assert.ok(!budget.take(1));
    budget.give(500);
    assert.ok(budget.take(1));
  });

  it('lets one holder at a time go beyond the bound, so that holders cannot wait for each other', () => {
    const budget = new ByteBudget(100);
    const [one, other] = [{}, {}];
    const served: string[] = [];
    budget.take(50);
    budget.take(50);
    budget.wait(10, () => served.push('newcomer'));
    assert.ok(budget.take(50, one), 'past the line, too');
    assert.ok(!budget.take(50, other));
    budget.wait(50, () => served.push('other'), other);
    assert.ok(budget.take(100, one), 'again, until it is done');
    budget.done(one);
    assert.deepEqual(served, ['other']);
    budget.done(other);
    budget.give(250);
    assert.deepEqual(served, ['other', 'newcomer']);
    assert.equal(budget.usedBytes, 60);
  });

  it('asserts that no more is given back than was taken', () => {
    assert.throws(() => new ByteBudget(10).give(1), AssertionError);
  });
});

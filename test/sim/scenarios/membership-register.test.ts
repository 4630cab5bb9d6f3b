/** What the register of memberships takes for wrong, and what not: seeds without bugs only show the latter. */
import assert from 'node:assert/strict';
import { World } from '../sim-world.ts';
import { MembershipRegister } from './membership-register.ts';

function scene() {
  const world = new World({ seed: 1 });
  const register = new MembershipRegister(world);
  return { register, rules: () => world.violations.map(({ rule }) => rule) };
}

describe('sim: the register of memberships', () => {
  it('a join is answered with no lower generation than was shown before it began', () => {
    const { register, rules } = scene();
    register.assigned('g', 3, 'a', [0]);
    register.joined('g', 3, register.generationOf('g'), 'b');
    assert.deepEqual(rules(), []);
    register.joined('g', 2, register.generationOf('g'), 'b');
    assert.deepEqual(rules(), ['I-22']);
  });

  it('in one generation a partition has one owner, and an owner one part', () => {
    const { register, rules } = scene();
    register.assigned('g', 3, 'a', [0, 1]);
    register.assigned('g', 3, 'a', [0, 1]);
    register.assigned('g', 3, 'b', [2]);
    register.assigned('g', 4, 'b', [0]);
    assert.deepEqual(rules(), []);
    register.assigned('g', 3, 'c', [1]);
    assert.deepEqual(rules(), ['I-24']);
    register.assigned('g', 4, 'b', [0, 1]);
    assert.deepEqual(rules(), ['I-24', 'I-24']);
  });

  it('who joined as an instance is replaced by one that asked after that was answered, and got its part', () => {
    const { register } = scene();
    const [older, newer] = [register.joins('g', 'one'), register.joins('g', 'one')];
    older.answeredAt = register.now();
    newer.answeredAt = register.now();
    newer.assignedAt = register.now();
    assert.equal(register.isReplaced('g', 'one', older), false, 'either may have been first');
    const newest = register.joins('g', 'one');
    newest.answeredAt = register.now();
    assert.equal(register.isReplaced('g', 'one', older), false, 'a part of nothing may not last');
    newest.assignedAt = register.now();
    assert.equal(register.isReplaced('g', 'one', older), true);
    assert.equal(register.isReplaced('g', 'one', newest), false);
  });

  it('who is alone as an instance is not fenced', () => {
    const { register, rules } = scene();
    const first = register.joins('g', 'one');
    first.answeredAt = register.now();
    const second = register.joins('g', 'one');
    register.joins('g', 'two').answeredAt = register.now();
    register.fenced('g', 'one', first, 'a');
    assert.deepEqual(rules(), []);
    register.fenced('g', 'one', second, 'b');
    assert.deepEqual(rules(), ['I-24'], 'the first was answered before it asked');
  });

  it('two members do not have one partition at one time', () => {
    const { register, rules } = scene();
    const first = register.given('g/0', 'a');
    register.stillHeld('g/0', first, register.now());
    const second = register.given('g/0', 'b');
    register.stillHeld('g/0', second, register.now());
    assert.deepEqual(rules(), []);
    register.stillHeld('g/0', first, register.now());
    assert.deepEqual(rules(), ['I-24']);
  });

  it('a member that may have been fenced since it was told proves nothing', () => {
    const { register, rules } = scene();
    register.given('g/0', 'a');
    const second = register.given('g/0', 'b');
    register.stillHeld('g/0', second, register.now());
    assert.deepEqual(rules(), []);
  });
});

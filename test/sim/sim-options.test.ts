import assert from 'node:assert/strict';
import { BadOptions, help, simOptions } from './sim-options.ts';

describe('sim: options', () => {
  it('are seeds over all scenarios when nothing is asked for', () => {
    const { action, seedCount, firstSeed, scenarios, faults } = simOptions([]);
    assert.deepEqual([action, seedCount, firstSeed, scenarios, faults], ['seeds', 300, 1, [], undefined]);
  });

  it('name scenarios, faults and a crash as a failing seed prints them', () => {
    const again = simOptions(['--from', '7', '--seeds', '1', '--scenario', 'keeper', '--faults', '1,4', '--trace']);
    assert.deepEqual([again.firstSeed, again.scenarios, again.faults, again.trace], [7, ['keeper'], [1, 4], true]);
    assert.deepEqual(simOptions(['--faults', 'none']).faults, []);
    const crash = { call: 3, model: 'kill' };
    assert.deepEqual(simOptions(['--scenario', 'rolls', '--crash', JSON.stringify(crash)]).crash, crash);
  });

  for (const args of [
    ['--bogus'],
    ['--seeds', 'many'],
    ['--scenario', 'x'],
    ['--plant', 'x'],
    ['--crash', '{'],
    ['more'],
  ]) {
    it(`${args.join(' ')} is told`, () => {
      assert.throws(() => simOptions(args), BadOptions);
    });
  }

  it('--help lists all scenarios and bugs', () => {
    assert.equal(simOptions(['--help']).action, 'help');
    for (const word of ['--planted', 'keeper', 'rolls-in-os', 'ack-before-sync'])
      assert.ok(help().includes(word), word);
  });
});

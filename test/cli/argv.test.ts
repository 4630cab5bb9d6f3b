import assert from 'node:assert/strict';
import { normalizeArguments } from '../../src/cli/argv.ts';

describe('arguments before oclif sees them', () => {
  it('--create without a number means one partition', () => {
    assert.deepEqual(normalizeArguments(['produce', 't', '--create']), ['produce', 't', '--create=1']);
    assert.deepEqual(normalizeArguments(['produce', '--create=4', 't']), ['produce', '--create=4', 't']);
  });

  it('-0 means --null, but not as the value of another flag', () => {
    assert.deepEqual(normalizeArguments(['consume', 't', '-0', '-e']), ['consume', 't', '--null', '-e']);
    for (const flag of ['-D', '-K', '-f', '-o', '--offset', '-p', '-c']) {
      assert.deepEqual(normalizeArguments(['consume', 't', flag, '-0']), ['consume', 't', flag, '-0']);
    }
  });

  it('-0 may stand in one word with other flags', () => {
    assert.deepEqual(normalizeArguments(['consume', 't', '-e0']), ['consume', 't', '-e', '--null']);
    assert.deepEqual(normalizeArguments(['consume', 't', '-0eq']), ['consume', 't', '--null', '-e', '-q']);
    assert.deepEqual(normalizeArguments(['consume', 't', '-o0', '-D-0', '-o', '-10']), [
      'consume',
      't',
      '-o0',
      '-D-0',
      '-o',
      '-10',
    ]);
  });

  it('leaves what comes after -- alone', () => {
    assert.deepEqual(normalizeArguments(['produce', 't', '--', '-0', '--create']), [
      'produce',
      't',
      '--',
      '-0',
      '--create',
    ]);
  });
});

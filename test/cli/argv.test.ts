import assert from 'node:assert/strict';
import { normalizeArguments } from '../../src/cli/argv.ts';

describe('arguments before oclif sees them', () => {
  it('--create without a number means one partition', () => {
    assert.deepEqual(normalizeArguments(['produce', 't', '--create']), ['produce', 't', '--create=1']);
    assert.deepEqual(normalizeArguments(['produce', '--create=4', 't']), ['produce', '--create=4', 't']);
  });

  it('-0 means --null, but not as the value of another flag', () => {
    assert.deepEqual(normalizeArguments(['consume', 't', '-0', '-e']), ['consume', 't', '--null', '-e']);
    assert.deepEqual(normalizeArguments(['consume', 't', '-D', '-0']), ['consume', 't', '-D', '-0']);
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

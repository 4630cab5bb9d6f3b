import assert from 'node:assert/strict';
import { parseDelimiter, parseEscapes } from '../../src/cli/escapes.ts';

describe('escapes', () => {
  const known: readonly [string, string][] = [
    ['', ''],
    [':', '3a'],
    ['\\n', '0a'],
    ['\\r\\n', '0d0a'],
    ['\\t', '09'],
    ['\\0', '00'],
    ['\\\\n', '5c6e'],
    ['\\xff\\x00z', 'ff007a'],
    ['é', 'c3a9'],
    ['\\q', '5c71'],
    ['a\\', '615c'],
  ];
  for (const [text, hex] of known) {
    it(`${JSON.stringify(text)} is ${hex || 'nothing'}`, () => {
      assert.equal(parseEscapes(text, '--delimiter').toString('hex'), hex);
    });
  }

  it('half a byte and an empty delimiter are refused with exit status 2', () => {
    assert.throws(() => parseEscapes('\\x4', '--delimiter'), { exitCode: 2 });
    assert.throws(() => parseDelimiter('', '--delimiter'), { exitCode: 2 });
  });
});

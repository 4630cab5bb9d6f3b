import assert from 'node:assert/strict';
import { usesColor } from '../../src/cli/style.ts';
import { table } from '../../src/cli/table.ts';

describe('colour', () => {
  const cases: readonly [string, Record<string, string>, boolean, boolean, boolean][] = [
    ['on a terminal', {}, true, false, true],
    ['not in a pipe', {}, false, false, false],
    ['not with NO_COLOR', { NO_COLOR: '1' }, true, false, false],
    ['with an empty NO_COLOR', { NO_COLOR: '' }, true, false, true],
    ['not on a dumb terminal', { TERM: 'dumb' }, true, false, false],
    ['in a pipe with FORCE_COLOR, NO_COLOR or not', { FORCE_COLOR: '1', NO_COLOR: '1' }, false, false, true],
    ['not with FORCE_COLOR=0', { FORCE_COLOR: '0' }, true, false, false],
    ['never with --no-color', { FORCE_COLOR: '1' }, true, true, false],
  ];
  for (const [name, variables, isTerminal, noColor, expected] of cases) {
    it(name, () => assert.equal(usesColor(variables, isTerminal, noColor), expected));
  }
});

describe('tables', () => {
  it('align their columns, cut nothing and pad no line at its end', () => {
    const plain = { heading: (text: string) => text, quiet: (text: string) => text };
    const rows = [
      ['a', '1'],
      ['a-long-name', '20'],
    ];
    assert.equal(table(['NAME', 'N'], rows, plain), 'NAME         N\na            1\na-long-name  20\n');
    assert.equal(table(['NAME', 'N'], [], plain), 'NAME  N\n');
  });
});

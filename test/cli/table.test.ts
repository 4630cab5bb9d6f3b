import assert from 'node:assert/strict';
import type { Style } from '../../src/cli/style.ts';
import { table } from '../../src/cli/table.ts';

const PLAIN: Style = { heading: (text) => text, quiet: (text) => text };

describe('cli: table', () => {
  it('a row is one line, whatever a name holds', () => {
    assert.equal(table(['A', 'B'], [['a\nb\tc', '1']], PLAIN), 'A        B\na\\nb\\tc  1\n');
  });
});

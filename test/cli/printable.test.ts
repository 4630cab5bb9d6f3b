import assert from 'node:assert/strict';
import { printable, printableCopy, printableJson } from '../../src/cli/printable.ts';

describe('printable', () => {
  it('shows what a terminal would obey, and leaves text, tabs and line breaks', () => {
    assert.equal(printable('a\tb\nü €😀'), 'a\tb\nü €😀');
    assert.equal(printable('\u001b]0;x\u0007\r\u007f\u0085\u2066'), '\\x1b]0;x\\x07\\x0d\\x7f\\x85\\u2066');
  });

  it('does so in all strings of a document', () => {
    const document = { name: '\u001b[2J', parts: [{ text: '\u009b' }], count: 1, none: null };
    assert.deepEqual(printableCopy(document), {
      name: '\\x1b[2J',
      parts: [{ text: '\\x9b' }],
      count: 1,
      none: null,
    });
  });

  it('writes JSON that means the same', () => {
    const value = { text: '\u001b \u007f \u009b \u202e \n' };
    assert.deepEqual(JSON.parse(printableJson(value)), value);
    assert.match(printableJson(value), /^[ -~]+$/);
  });
});

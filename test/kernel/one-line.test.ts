import assert from 'node:assert/strict';
import { oneLine } from '../../src/kernel/one-line.ts';

describe('one line', () => {
  it('has no control characters and a reasonable length', () => {
    assert.equal(oneLine('a\u001b[31m"'), 'a\\u001b[31m\\"');
    assert.equal(oneLine('x'.repeat(500)).length, 103);
  });
});

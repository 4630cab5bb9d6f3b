import assert from 'node:assert/strict';
import { errorCodeOf, isNoRegularFile } from '../../src/kernel/error-code.ts';

describe('error codes', () => {
  it('are those of system errors alone', () => {
    assert.equal(errorCodeOf(Object.assign(new Error('x'), { code: 'ENOENT' })), 'ENOENT');
    assert.equal(errorCodeOf(Object.assign(new Error('x'), { code: 3 })), undefined);
    assert.equal(errorCodeOf(new Error('x')), undefined);
    assert.equal(errorCodeOf({ code: 'ENOENT' }), undefined);
  });

  it('of what is no regular file are told from those of a file', () => {
    for (const [code, isNone] of [
      ['EISDIR', true],
      ['EINVAL', true],
      ['EIO', false],
      ['ENOENT', false],
    ] as const) {
      assert.equal(isNoRegularFile(Object.assign(new Error('x'), { code })), isNone);
    }
  });
});

import assert from 'node:assert/strict';
import { errorCodeOf } from '../../src/kernel/error-code.ts';

describe('error codes', () => {
  it('are those of system errors alone', () => {
    assert.equal(errorCodeOf(Object.assign(new Error('x'), { code: 'ENOENT' })), 'ENOENT');
    assert.equal(errorCodeOf(Object.assign(new Error('x'), { code: 3 })), undefined);
    assert.equal(errorCodeOf(new Error('x')), undefined);
    assert.equal(errorCodeOf({ code: 'ENOENT' }), undefined);
  });
});

import assert from 'node:assert/strict';
import { isDenied, mayNotRead, whereAllowed } from '../../src/cli/access.ts';
import { errorText } from '../../src/cli/system-error.ts';
import { ClientError } from '../../src/client/client-error.ts';

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

describe('what the system refuses', () => {
  it('is told in words', () => {
    assert.equal(
      errorText(systemError('EACCES', "permission denied, open '/a, b/c'")),
      "'/a, b/c': permission denied (open: EACCES)",
    );
    assert.equal(
      errorText(systemError('ENOSPC', 'no space left on device, write')),
      'no space left on device (write: ENOSPC)',
    );
    assert.equal(errorText(new Error('E2: as it is')), 'E2: as it is');
    assert.equal(errorText('text'), 'text');
  });

  it('is known by the code of a system error, and becomes `authorization`', async () => {
    for (const code of ['EACCES', 'EPERM', 'EROFS']) assert.equal(isDenied(systemError(code, 'x')), true);
    assert.equal(isDenied(systemError('ENOENT', 'x')), false);
    assert.equal(isDenied(Object.assign(new ClientError('refused', 'x'), { code: 'EACCES' })), false);
    const denied = async (): Promise<void> => {
      throw systemError('EACCES', "permission denied, open '/d/f'");
    };
    await assert.rejects(whereAllowed(denied, mayNotRead('/d')), { name: 'ClientError', kind: 'authorization' });
    const other = async (): Promise<void> => {
      throw systemError('EIO', 'x');
    };
    await assert.rejects(whereAllowed(other, mayNotRead('/d')), { code: 'EIO' });
  });
});

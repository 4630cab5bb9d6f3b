import assert from 'node:assert/strict';
import {
  chooseTarget,
  defaultDirectory,
  describeTarget,
  formatAddress,
  parseServerList,
} from '../../src/cli/target.ts';

const NO_FLAGS = { dir: undefined, bootstrapServer: undefined };
const HOME = { HOME: '/home/u' };

describe('the target of a command', () => {
  it('is the per-user data directory when nothing is said', () => {
    assert.deepEqual(chooseTarget(NO_FLAGS, HOME), { kind: 'directory', path: '/home/u/.local/share/streamctl' });
    assert.equal(defaultDirectory({ ...HOME, XDG_DATA_HOME: '/data' }), '/data/streamctl');
    assert.equal(defaultDirectory({ ...HOME, XDG_DATA_HOME: 'relative' }), '/home/u/.local/share/streamctl');
    assert.throws(() => defaultDirectory({}), { exitCode: 2 });
  });

  it('is what the environment says, and a flag wins over it', () => {
    const both = { ...HOME, STREAMCTL_DIR: '/d', STREAMCTL_BOOTSTRAP_SERVER: 'k:1' };
    assert.deepEqual(chooseTarget(NO_FLAGS, { ...HOME, STREAMCTL_DIR: '/d' }), { kind: 'directory', path: '/d' });
    assert.deepEqual(chooseTarget({ ...NO_FLAGS, dir: '/e' }, both), { kind: 'directory', path: '/e' });
    assert.deepEqual(chooseTarget({ ...NO_FLAGS, bootstrapServer: 'b:2' }, both), {
      kind: 'bootstrap',
      servers: [{ host: 'b', port: 2 }],
    });
  });

  it('is never guessed: two flags, or two variables and no flag, are exit status 2', () => {
    assert.throws(() => chooseTarget({ dir: '/d', bootstrapServer: 'k:1' }, HOME), { exitCode: 2 });
    const both = { ...HOME, STREAMCTL_DIR: '/d', STREAMCTL_BOOTSTRAP_SERVER: 'k:1' };
    assert.throws(() => chooseTarget(NO_FLAGS, both), { exitCode: 2 });
    assert.throws(() => chooseTarget({ ...NO_FLAGS, dir: '' }, HOME), { exitCode: 2 });
  });

  it('lists servers with their ports, IPv6 in brackets', () => {
    assert.deepEqual(parseServerList('a, b:1,[::1]:2,[fe80::1]', '-b'), [
      { host: 'a', port: 9092 },
      { host: 'b', port: 1 },
      { host: '::1', port: 2 },
      { host: 'fe80::1', port: 9092 },
    ]);
    for (const wrong of ['', ',', 'a:b', '::1:9092', 'a:70000', 'http://a:1', '[::1']) {
      assert.throws(() => parseServerList(wrong, '-b'), { exitCode: 2 }, wrong);
    }
    assert.equal(formatAddress({ host: '::1', port: 2 }), '[::1]:2');
    assert.equal(describeTarget({ kind: 'bootstrap', servers: [{ host: 'a', port: 1 }] }), 'a:1');
  });
});

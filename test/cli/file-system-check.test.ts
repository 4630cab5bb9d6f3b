import assert from 'node:assert/strict';
import { CliError } from '../../src/cli/cli-error.ts';
import { refuseNetworkFileSystem } from '../../src/cli/file-system-check.ts';
import type { Env, FileSystemFacts } from '../../src/kernel/env.ts';

const NFS: FileSystemFacts = { kind: 'nfs', isNetwork: true, isUncertain: false, totalBytes: 1, freeBytes: 1 };

function envWhere(folders: Readonly<Record<string, FileSystemFacts>>): Env {
  const fileSystem = async (path: string): Promise<FileSystemFacts> => {
    const facts = folders[path];
    if (facts === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return facts;
  };
  return { disk: { fileSystem } } as unknown as Env;
}

const isUsageError = (error: unknown): boolean => error instanceof CliError && error.exitCode === 2;

describe('cli: network file systems', () => {
  it('no broker runs on one without the flag, and none is made there', async () => {
    const env = envWhere({ '/mnt': NFS, '/': { ...NFS, kind: 'ext4', isNetwork: false } });
    await assert.rejects(refuseNetworkFileSystem(env, '/mnt', false), isUsageError);
    await assert.rejects(refuseNetworkFileSystem(env, '/mnt/new/deep', false), isUsageError);
    await refuseNetworkFileSystem(env, '/mnt', true);
    await refuseNetworkFileSystem(env, '/home/x', false);
  });

  it('a system that does not say what it is refuses nobody', async () => {
    await refuseNetworkFileSystem(envWhere({}), '/mnt', false);
  });
});

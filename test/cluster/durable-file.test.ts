import assert from 'node:assert/strict';
import { ensureCluster, readClusterId } from '../../src/cluster/cluster-directory.ts';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import {
  JSON_FILE_BYTES_MAX,
  linkNewFile,
  readFileIfThere,
  replaceFileUnsynced,
} from '../../src/cluster/durable-file.ts';
import {
  brokerFolder,
  clusterFile,
  clusterFolder,
  entryFile,
  ownerFile,
  reserveFile,
  snapshotFile,
} from '../../src/cluster/layout.ts';
import { readOwnerRecord } from '../../src/cluster/owner-record.ts';
import { verifyCluster } from '../../src/cluster/verify-cluster.ts';
import type { Env } from '../../src/kernel/env.ts';
import { DIRECTORY, inWorld } from './in-world.ts';

const TOO_LARGE = Buffer.alloc(JSON_FILE_BYTES_MAX + 1);

async function put(env: Env, path: string, bytes: Buffer): Promise<void> {
  await env.disk.makeDirectory(path.slice(0, path.lastIndexOf('/')));
  const file = await env.disk.open(path, 'w+');
  await file.writev([bytes], 0);
  await file.close();
}

function isDamaged(error: unknown): boolean {
  return error instanceof ClusterError && error.kind === 'damaged';
}

describe('cluster: files have a largest size', () => {
  it('what is larger is damaged and takes no memory, and nobody writes such a file', () =>
    inWorld(1, async (env) => {
      const path = `${DIRECTORY}/x.json`;
      await put(env, path, TOO_LARGE);
      await assert.rejects(readFileIfThere(env, path), isDamaged);
      assert.equal((await readFileIfThere(env, path, TOO_LARGE.length))?.length, TOO_LARGE.length);
      await assert.rejects(linkNewFile(env, DIRECTORY, `${DIRECTORY}/y.json`, TOO_LARGE), RangeError);
      assert.deepEqual(await env.disk.list(DIRECTORY), ['x.json']);
    }));

  it('an owner record that is larger counts as none, a cluster file as damaged', () =>
    inWorld(1, async (env) => {
      await put(env, ownerFile(DIRECTORY, 1), TOO_LARGE);
      assert.equal(await readOwnerRecord(env, DIRECTORY, 1), undefined);
      await put(env, clusterFile(DIRECTORY), TOO_LARGE);
      await assert.rejects(readClusterId(env, DIRECTORY), isDamaged);
    }));

  it('verify names each of them', () =>
    inWorld(1, async (env) => {
      await ensureCluster(env, DIRECTORY);
      const paths = [entryFile(DIRECTORY, 1), ownerFile(DIRECTORY, 1), reserveFile(DIRECTORY)];
      for (const path of paths) await put(env, path, TOO_LARGE);
      await put(env, `${clusterFolder(DIRECTORY)}/snapshot-7.json`, Buffer.from('{'));
      const { findings } = await verifyCluster(env, DIRECTORY);
      const found = findings.map(({ file }) => file);
      for (const path of [...paths, snapshotFile(DIRECTORY, 7)]) assert.ok(found.includes(path), path);
    }));
});

describe('cluster: a folder where a file should be', () => {
  it('is damage, for whoever reads it and whoever would replace it, and an owner record that is one counts as none', () =>
    inWorld(1, async (env) => {
      const path = ownerFile(DIRECTORY, 1);
      await env.disk.makeDirectory(path);
      await assert.rejects(readFileIfThere(env, path), isDamaged);
      assert.equal(await readOwnerRecord(env, DIRECTORY, 1), undefined);
      const folder = brokerFolder(DIRECTORY, 1);
      await assert.rejects(replaceFileUnsynced(env, folder, path, Buffer.from('{}')), isDamaged);
      assert.deepEqual(await env.disk.list(folder), ['owner.json']);
    }));
});

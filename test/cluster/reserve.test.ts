import assert from 'node:assert/strict';
import { ensureCluster } from '../../src/cluster/cluster-directory.ts';
import { reserveFile } from '../../src/cluster/layout.ts';
import { fillReserve, RESERVE_BYTES, RESERVE_PIECE_BYTES, withReserve } from '../../src/cluster/reserve.ts';
import { DIRECTORY, inWorld } from './in-world.ts';

const full = (): Error => Object.assign(new Error('no room'), { code: 'ENOSPC' });

describe('cluster: the reserve', () => {
  it('is given up by the piece, so that it lasts for several owners of a disk that stays full, and filled again', async () => {
    await inWorld(1, async (env) => {
      await ensureCluster(env, DIRECTORY);
      const size = async (): Promise<number> => (await env.disk.stat(reserveFile(DIRECTORY)))?.size ?? 0;
      assert.equal(await size(), RESERVE_BYTES);
      let failures = 2;
      const answer = await withReserve(env, DIRECTORY, async () => {
        if (failures-- > 0) throw full();
        return 'written';
      });
      assert.equal(answer, 'written');
      assert.equal(await size(), RESERVE_BYTES - 2 * RESERVE_PIECE_BYTES);
      await assert.rejects(
        withReserve(env, DIRECTORY, () => Promise.reject(full())),
        { code: 'ENOSPC' },
      );
      assert.equal(await size(), 0);
      await fillReserve(env, DIRECTORY);
      assert.equal(await size(), RESERVE_BYTES);
      await assert.rejects(
        withReserve(env, DIRECTORY, () => Promise.reject(new Error('another one'))),
        /another one/,
      );
      assert.equal(await size(), RESERVE_BYTES);
    });
  });
});

import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { Env, OffloadTask } from '../../src/kernel/env.ts';
import { undoCompression } from '../../src/log/undo-compression.ts';
import { compress, decompress } from '../../src/protocol/records/compression.ts';
import { isError } from './log-in-world.ts';

const MIB = 1 << 20;

/** What is handed over, and done here. */
function watched(): { env: Env; tasks: OffloadTask[] } {
  const tasks: OffloadTask[] = [];
  const run = (task: OffloadTask): Promise<Buffer> => {
    tasks.push(task);
    return decompress(task.codec, task.bytes, task.maxOutputBytes);
  };
  return { env: { offload: { run } } as unknown as Env, tasks };
}

describe('log: decompression of records', () => {
  it('few bytes that hold few are undone at once', () => {
    const { env, tasks } = watched();
    const undone = undoCompression(env, 'gzip', gzipSync(Buffer.alloc(100_000, 7)), 8 * MIB);
    assert.ok(Buffer.isBuffer(undone) && undone.equals(Buffer.alloc(100_000, 7)));
    assert.equal(tasks.length, 0);
  });

  for (const codec of ['gzip', 'lz4'] as const) {
    it(`few bytes of ${codec} that hold many are undone off the main loop`, async () => {
      const { env, tasks } = watched();
      const compressed = await compress(codec, Buffer.alloc(8 * MIB));
      assert.ok(compressed.length < 64 * 1024);
      const undone = undoCompression(env, codec, compressed, 8 * MIB);
      assert.ok(undone instanceof Promise);
      assert.equal((await undone).length, 8 * MIB);
      assert.equal(tasks[0]?.maxOutputBytes, 8 * MIB);
    });
  }

  it('what holds more than is allowed, or is broken, is refused', async () => {
    const { env } = watched();
    const bomb = gzipSync(Buffer.alloc(16 * MIB));
    await assert.rejects(async () => await undoCompression(env, 'gzip', bomb, 8 * MIB), isError('INVALID_RECORD'));
    for (const broken of [bomb.subarray(0, 50), Buffer.from('no gzip'), Buffer.alloc(0)]) {
      await assert.rejects(async () => await undoCompression(env, 'gzip', broken, 8 * MIB), isError('INVALID_RECORD'));
    }
  });
});

import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { type ScanStep, scanBatches } from '../../src/log/batch-scan.ts';
import { batchOf } from './batches.ts';
import { newMachine, run } from './log-in-world.ts';

const BATCHES = [10, 300_000, 10, 10, 5000, 700_000, 10].map((size, index) =>
  batchOf(['x'.repeat(size)], { baseOffset: index }),
);
const BYTES = Buffer.concat(BATCHES);

async function scan(env: Env, bytes: Buffer, wholeBatches: boolean, step: (offset: number) => ScanStep = () => 'next') {
  const file = await env.disk.open('/d/brokers/1/x.log', 'w+');
  await file.writev([bytes], 0);
  await file.truncate(bytes.length);
  const seen: number[] = [];
  const end = await scanBatches(file, { from: 0, to: bytes.length, wholeBatches }, (chunk, at) => {
    const offset = Number(chunk.readBigInt64BE(at));
    const batch = BATCHES[offset] ?? Buffer.alloc(0);
    const length = wholeBatches ? batch.length : 61;
    assert.ok(chunk.subarray(at, at + length).equals(batch.subarray(0, length)));
    seen.push(offset);
    return step(offset);
  });
  await file.close();
  return { seen, end };
}

describe('log: batch scan', () => {
  for (const wholeBatches of [true, false]) {
    it(`visits every batch in order, ${wholeBatches ? 'whole' : 'by header'}`, async () => {
      await run(newMachine(), async (env) => {
        const { seen, end } = await scan(env, BYTES, wholeBatches);
        assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6]);
        assert.deepEqual(end, { position: BYTES.length, outcome: 'end' });
      });
    });

    it(`ends at a batch that is cut short at any byte, ${wholeBatches ? 'whole' : 'by header'}`, async () => {
      await run(newMachine(), async (env) => {
        const first = BATCHES[0] ?? Buffer.alloc(0);
        for (let cut = 1; cut < first.length; cut++) {
          const { seen, end } = await scan(env, Buffer.concat([first, first.subarray(0, cut)]), wholeBatches);
          assert.deepEqual([seen, end], [[0], { position: first.length, outcome: 'bad' }]);
        }
      });
    });
  }

  it('zeros end the walk', async () => {
    await run(newMachine(), async (env) => {
      const first = BATCHES[0] ?? Buffer.alloc(0);
      const { end } = await scan(env, Buffer.concat([first, Buffer.alloc(5000)]), false);
      assert.deepEqual(end, { position: first.length, outcome: 'bad' });
    });
  });

  it('another magic byte, and lengths that cannot be, end the walk', async () => {
    await run(newMachine(), async (env) => {
      for (const change of [
        (bytes: Buffer) => bytes.writeInt8(1, 16),
        (bytes: Buffer) => bytes.writeInt32BE(48, 8),
        (bytes: Buffer) => bytes.writeInt32BE(-1, 8),
        (bytes: Buffer) => bytes.writeInt32BE(0x7fffffff, 8),
      ]) {
        const bytes = Buffer.from(BATCHES[0] ?? Buffer.alloc(0));
        change(bytes);
        assert.deepEqual((await scan(env, bytes, true)).end, { position: 0, outcome: 'bad' });
      }
    });
  });

  it('stops where it is told to', async () => {
    await run(newMachine(), async (env) => {
      const { seen, end } = await scan(env, BYTES, false, (offset) => (offset === 2 ? 'stop' : 'next'));
      assert.deepEqual(seen, [0, 1, 2]);
      assert.equal(end.outcome, 'stopped');
      assert.equal((await scan(env, BYTES, false, () => 'bad')).end.outcome, 'bad');
    });
  });
});

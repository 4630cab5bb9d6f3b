/**
 * A directory as part 1 left it (its files, base64, written by that code): a close record of version 1, which knows no timestamps
 * of sealed segments, and no log-starts.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Env } from '../../src/kernel/env.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import { append, BROKER, contentOf, newMachine, openDirectory, openLog, readAll, run } from './log-in-world.ts';

const FILES: Record<string, string> = JSON.parse(
  readFileSync(new URL('./part-1-directory.json', import.meta.url), 'utf8'),
);
const CONFIG = { segmentBytes: 600, indexIntervalBytes: 100 };

async function part1(): Promise<SimMachine> {
  const machine = newMachine();
  await run(machine, async (env) => {
    for (const [path, content] of Object.entries(FILES)) await write(env, path, Buffer.from(content, 'base64'));
  });
  return machine;
}

async function write(env: Env, path: string, bytes: Buffer): Promise<void> {
  const directory = path.slice(0, path.lastIndexOf('/'));
  await env.disk.makeDirectory(directory);
  const file = await env.disk.open(path, 'w+');
  await file.writev([bytes], 0);
  await file.datasync();
  await file.close();
  await env.disk.syncDirectory(directory);
}

function recordVersion(machine: SimMachine): string | undefined {
  return contentOf(machine, `${BROKER}/close-record`).toString('latin1').split(' ')[1];
}

describe('log: a directory of part 1', () => {
  it('is trusted, appended to and closed, and its producer is known', async () => {
    const machine = await part1();
    assert.equal(recordVersion(machine), '1');
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      const log = await openLog(logs, CONFIG);
      assert.deepEqual([log.logStartOffset, log.logEndOffset, log.damagedAt], [0, 12, undefined]);
      assert.equal((await readAll(log)).length, 6);
      const next = batchOf(['a'], { producerId: 5n, sequence: 12 });
      assert.equal((await append(log, next)).baseOffset, 12);
      await logs.close();
    });
    assert.equal(recordVersion(machine), '2');
  });

  it('a sweep goes by the timestamps of the records, not by when the files were written', async () => {
    const machine = await part1();
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      // The newest record of the first segment is of 2001 ms, that of the second of 4001 ms.
      const retentionMs = env.clock.wallMs() - 3000;
      const log = await openLog(logs, { ...CONFIG, retentionMs });
      assert.equal(await logs.sweep(), 1);
      assert.equal(log.logStartOffset, 4);
      assert.equal((await readAll(log)).length, 4);
      await logs.close();
    });
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env, { brokerEpoch: 3 }), CONFIG);
      assert.deepEqual([log.logStartOffset, log.logEndOffset, log.damagedAt], [4, 12, undefined]);
    });
  });

  it('is recovered after an unclean end', async () => {
    const machine = await part1();
    await run(machine, async (env) => {
      const log = await openLog(await openDirectory(env, { lastCloseWasClean: false }), CONFIG);
      assert.deepEqual([log.logStartOffset, log.logEndOffset, log.damagedAt], [0, 12, undefined]);
      assert.equal((await readAll(log)).length, 6);
    });
  });
});

import assert from 'node:assert/strict';
import { DeletedFiles } from '../../src/log/deleted-files.ts';
import { BROKER, namesIn, newMachine, run } from './log-in-world.ts';

const BASES = [0, 7];

async function withFiles(
  action: (
    files: DeletedFiles,
    facts: { may: boolean; grown: number; sleep: (ms: number) => Promise<void> },
  ) => Promise<void>,
): Promise<string[]> {
  const machine = newMachine();
  await run(machine, async (env) => {
    for (const base of BASES) {
      const file = await env.disk.open(`${BROKER}/${String(base).padStart(20, '0')}.log`, 'w+');
      await file.writev([Buffer.alloc(10)], 0);
      await file.close();
    }
    const facts = { may: true, grown: 0, sleep: (ms: number) => env.clock.sleep(ms) };
    const grew = (bytes: number): void => {
      facts.grown += bytes;
    };
    await action(new DeletedFiles({ env, canWrite: () => facts.may, grew }), facts);
  });
  return namesIn(machine, BROKER);
}

describe('log: files of deleted segments', () => {
  it('are renamed, and go after the delay; there need not be one of each kind', async () => {
    const left = await withFiles(async (files, facts) => {
      await files.take(BROKER, BASES, 100);
      await facts.sleep(50);
      assert.equal(facts.grown, 0);
      await facts.sleep(100);
      assert.equal(facts.grown, -20);
    });
    assert.deepEqual(left, []);
  });

  it('go at once at the close', async () => {
    const left = await withFiles(async (files, facts) => {
      await files.take(BROKER, BASES, 60_000);
      await files.removeAll();
      assert.equal(facts.grown, -20);
    });
    assert.deepEqual(left, []);
  });

  it('stay where a process may not write any more', async () => {
    const left = await withFiles(async (files, facts) => {
      await files.take(BROKER, [0], 10);
      facts.may = false;
      await files.take(BROKER, [7], 10);
      await files.removeAll();
      assert.equal(facts.grown, 0);
    });
    assert.deepEqual(left, ['00000000000000000000.log.deleted', '00000000000000000007.log']);
  });
});

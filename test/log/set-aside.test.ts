import assert from 'node:assert/strict';
import { crc32cInJavaScript } from '../../src/kernel/crc32c.ts';
import type { DiskFile, Env } from '../../src/kernel/env.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { OpenFiles } from '../../src/log/open-files.ts';
import { setAside } from '../../src/log/set-aside.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { BROKER, contentOf, namesIn, newMachine, PARTITION, run } from './log-in-world.ts';

const SOURCE = `${PARTITION}/00000000000000000070.log`;
const CUT = `${BROKER}/cut`;
/** More than is copied at a time. */
const CONTENT = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 31) >> 3));

async function withSource(content: Buffer): Promise<SimMachine> {
  const machine = newMachine();
  await run(machine, async ({ disk }) => {
    await disk.makeDirectory(PARTITION);
    const file = await disk.open(SOURCE, 'w+');
    await file.writev([content], 0);
    await file.datasync();
    await file.close();
    for (const path of [PARTITION, `${BROKER}/log`, BROKER]) await disk.syncDirectory(path);
  });
  return machine;
}

function setAsideIn(env: Env, from: number, to: number): Promise<string> {
  const options = {
    env,
    files: new OpenFiles(env.disk, 4, 4),
    sync: { run: (file: DiskFile) => file.datasync() },
    directory: PARTITION,
    config: DEFAULT_LOG_CONFIG,
    closedCleanly: false,
    closed: undefined,
    durable: () => Promise.resolve({ recoveryPoint: 0, logStartOffset: 0 }),
  };
  return setAside(options, SOURCE, from, to);
}

function nameOf(from: number, to: number): string {
  const crc = crc32cInJavaScript(CONTENT, from, to).toString(16).padStart(8, '0');
  return `t-0.00000000000000000070.${from}-${to}.${crc}`;
}

describe('log: bytes set aside', () => {
  for (const [from, to] of [
    [0, CONTENT.length],
    [1_000_001, 2_999_999],
    [17, 18],
  ] as const) {
    it(`are those from ${from} to ${to}, under a name that says so, and last`, async () => {
      const machine = await withSource(CONTENT);
      const path = await run(machine, (env) => setAsideIn(env, from, to));
      assert.equal(path, `${CUT}/${nameOf(from, to)}`);
      machine.cutPower({ file: ['nothing kept'], folder: ['nothing kept'] });
      assert.deepEqual(namesIn(machine, CUT), [nameOf(from, to)]);
      assert.ok(contentOf(machine, path).equals(CONTENT.subarray(from, to)));
      assert.ok(contentOf(machine, SOURCE).equals(CONTENT));
    });
  }

  it('a second time are not written again, and last all the same', async () => {
    const machine = await withSource(CONTENT);
    const first = await run(machine, (env) => setAsideIn(env, 0, 500));
    machine.hardware.faults = (call) => (call === 'write' ? { kind: 'error', code: 'EIO' } : undefined);
    assert.equal(await run(machine, (env) => setAsideIn(env, 0, 500)), first);
  });

  it('over what an interrupted copy left are whole', async () => {
    const machine = await withSource(CONTENT);
    await run(machine, async ({ disk }) => {
      await disk.makeDirectory(CUT);
      const file = await disk.open(`${CUT}/${nameOf(0, 500)}.tmp`, 'w+');
      await file.writev([Buffer.alloc(9000, 1)], 0);
      await file.close();
    });
    const path = await run(machine, (env) => setAsideIn(env, 0, 500));
    assert.ok(contentOf(machine, path).equals(CONTENT.subarray(0, 500)));
    assert.deepEqual(namesIn(machine, CUT), [nameOf(0, 500)]);
  });

  it('are there whole or not at all, whenever the process dies and the power goes', async () => {
    for (let calls = 0; ; calls += 1) {
      const machine = await withSource(CONTENT);
      let left = calls;
      machine.spawn('killed', async ({ env }) => {
        machine.onDiskCall = (_, process) => {
          left -= 1;
          if (left < 0) process.kill('test');
        };
        await setAsideIn(env, 0, 2_500_000);
        return 0;
      });
      await machine.world.run(() => machine.alive().length === 0, 10_000);
      machine.onDiskCall = () => undefined;
      machine.cutPower({ file: ['nothing kept'], folder: calls % 2 === 0 ? ['all kept'] : ['nothing kept'] });
      for (const name of namesIn(machine, CUT).filter((each) => !each.endsWith('.tmp'))) {
        assert.ok(contentOf(machine, `${CUT}/${name}`).equals(CONTENT.subarray(0, 2_500_000)), `after ${calls} calls`);
      }
      const path = await run(machine, (env) => setAsideIn(env, 0, 2_500_000));
      assert.ok(contentOf(machine, path).equals(CONTENT.subarray(0, 2_500_000)));
      if (left > 0) break;
    }
  });
});

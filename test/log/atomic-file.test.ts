import assert from 'node:assert/strict';
import { NoRegularFileError } from '../../src/log/atomic-file.ts';
import type { DiskCall } from '../sim/disk-faults.ts';
import { batchOf } from './batches.ts';
import { append, BROKER, newMachine, openDirectory, openLog, run } from './log-in-world.ts';

const CHANGES: ReadonlySet<DiskCall> = new Set<DiskCall>(['unlink', 'write', 'rename', 'mkdir']);

describe('log: a file of the log directory', () => {
  it('that is a folder is a reason to refuse the directory, before anything in it is changed', async () => {
    for (const name of ['close-record', 'log-starts', 'log/.kafka_cleanshutdown', 'log/meta.properties']) {
      const machine = newMachine();
      await run(machine, async (env) => {
        const logs = await openDirectory(env, { brokerEpoch: 1 });
        await (await append(await openLog(logs), batchOf(['x']))).committed;
        await logs.close();
        await env.disk.remove(`${BROKER}/${name}`);
        await env.disk.makeDirectory(`${BROKER}/${name}`);
      });
      const changes: string[] = [];
      machine.onDiskDone = (call, path) => {
        if (CHANGES.has(call)) changes.push(`${call} ${path}`);
      };
      await run(machine, (env) =>
        assert.rejects(
          openDirectory(env),
          (error) => error instanceof NoRegularFileError && error.message.includes(`${BROKER}/${name}`),
        ),
      );
      assert.deepEqual(changes, []);
    }
  });
});

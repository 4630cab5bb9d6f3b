import assert from 'node:assert/strict';
import { batchOf } from './batches.ts';
import { append, newMachine, openDirectory, openLog, PARTITION, run, TOPIC_ID } from './log-in-world.ts';

describe('log: deletion of a partition', () => {
  it('a partition is deleted although it cannot be opened just then', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      await (await append(await openLog(logs), batchOf(['x']))).committed;
    });
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 2 });
      machine.hardware.faults = (call) => (call === 'list' ? { kind: 'error', code: 'EIO' } : undefined);
      const opening = openLog(logs);
      const deleting = logs.deletePartition('t', 0, TOPIC_ID);
      await assert.rejects(opening);
      machine.hardware.faults = () => undefined;
      await deleting;
    });
    assert.equal(machine.files.find(PARTITION), undefined);
  });
});

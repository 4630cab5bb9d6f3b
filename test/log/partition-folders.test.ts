import assert from 'node:assert/strict';
import { errorCodeOf } from '../../src/kernel/error-code.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import type { TopicIdentities } from '../../src/log/log-directory.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf } from './batches.ts';
import {
  append,
  BROKER,
  namesIn,
  newMachine,
  openDirectory,
  openLog,
  PARTITION,
  run,
  TOPIC_ID,
} from './log-in-world.ts';

const OTHER_ID = 'BBBBBBBBBBBBBBBBBBBBBB';
const NOBODY: TopicIdentities = { isKnown: () => false, isDeleted: () => false };
const DELETED: TopicIdentities = { isKnown: () => false, isDeleted: (id) => id === TOPIC_ID };

/** A partition with one batch, whose process is killed, or closes cleanly. */
async function fillAndLeave(machine: SimMachine, cleanly: boolean): Promise<void> {
  await run(machine, async (env) => {
    const logs = await openDirectory(env);
    await (await append(await openLog(logs), batchOf(['x']))).committed;
    if (cleanly) await logs.close();
  });
}

async function openNext(machine: SimMachine, topics: TopicIdentities): Promise<string[]> {
  await run(machine, async (env) => {
    await openDirectory(env, { brokerEpoch: 2, topics });
  });
  return namesIn(machine, `${BROKER}/log`).filter((name) => name.startsWith('t-'));
}

describe('log: folders of partitions', () => {
  it('after a crash one of a topic that was deleted is removed', async () => {
    const machine = newMachine();
    await fillAndLeave(machine, false);
    assert.deepEqual(await openNext(machine, DELETED), []);
  });

  it('after a crash one that nobody knows is put aside', async () => {
    const machine = newMachine();
    await fillAndLeave(machine, false);
    const names = await openNext(machine, NOBODY);
    assert.equal(names.length, 1);
    assert.match(String(names[0]), /^t-0\.[0-9a-f]{32}-stray$/);
    assert.deepEqual(await openNext(machine, NOBODY), names, 'and no further');
  });

  it('after a crash one whose name a topic has is left', async () => {
    const machine = newMachine();
    await fillAndLeave(machine, false);
    assert.deepEqual(await openNext(machine, { ...DELETED, isKnown: (name) => name === 't' }), ['t-0']);
  });

  it('after a crash one whose owner cannot be read is left', async () => {
    const machine = newMachine();
    await fillAndLeave(machine, false);
    machine.hardware.faults = (call, path) =>
      call === 'readFile' && path.endsWith('partition.metadata') ? { kind: 'error', code: 'EIO' } : undefined;
    assert.deepEqual(await openNext(machine, DELETED), ['t-0']);
    machine.hardware.faults = () => undefined;
    await run(machine, async (env) => env.disk.remove(`${PARTITION}/partition.metadata`));
    assert.deepEqual(await openNext(machine, DELETED), ['t-0']);
  });

  it('after a clean close nobody looks', async () => {
    const machine = newMachine();
    await fillAndLeave(machine, true);
    assert.deepEqual(await openNext(machine, DELETED), ['t-0']);
  });

  it('a topic made again removes what is left of the one that was deleted, and begins anew', async () => {
    const machine = newMachine();
    await fillAndLeave(machine, true);
    await run(machine, async (env) => {
      const topics = { isKnown: () => true, isDeleted: (id: string): boolean => id === OTHER_ID };
      const again = await openDirectory(env, { brokerEpoch: 2, topics });
      assert.equal((await openLog(again)).logEndOffset, 1);
      await again.close();
    });
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 3, topics: { ...DELETED, isKnown: () => true } });
      const config = DEFAULT_LOG_CONFIG;
      const log = await logs.openPartition({ topic: 't', partition: 0, topicId: OTHER_ID, config, leaderEpoch: 0 });
      assert.equal(log.logEndOffset, 0);
      assert.equal(log.damagedAt, undefined);
      assert.deepEqual(
        namesIn(machine, `${BROKER}/log`).filter((name) => name.startsWith('t-')),
        [],
      );
    });
  });

  it('a crash at any point of the clearing leaves what the next start clears', async () => {
    for (let calls = 0; ; calls += 1) {
      const machine = newMachine();
      await fillAndLeave(machine, false);
      let left = calls;
      let isCut = false;
      machine.hardware.faults = (call) => {
        if (!['rename', 'remove', 'removeTree', 'syncDirectory', 'open', 'writev', 'datasync'].includes(call))
          return undefined;
        left -= 1;
        if (left >= 0) return undefined;
        isCut = true;
        return { kind: 'error', code: 'EIO' };
      };
      // Where what an open begins with fails, the directory is not opened at all.
      await openNext(machine, DELETED).catch((error) => assert.equal(errorCodeOf(error), 'EIO'));
      machine.hardware.faults = () => undefined;
      assert.deepEqual(await openNext(machine, DELETED), []);
      if (!isCut) break;
    }
  });
});

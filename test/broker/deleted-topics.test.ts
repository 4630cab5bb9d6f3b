/** Topics whose deletion a crash cut short, and topics that are made again under their names. */
import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { DeleteTopics } from '../../src/protocol/apis/index.ts';
import { DIRECTORY, inWorld } from '../cluster/in-world.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchCount, withBroker, withBrokerIn } from './broker-in-world.ts';

const LOGS = `${DIRECTORY}/brokers/1/log`;

/** A broker is killed when topic `t` is deleted by the metadata log and its folder is about to be renamed. */
async function killedAtRename(env: Env, machine: SimMachine): Promise<void> {
  await env.disk.makeDirectory(DIRECTORY);
  let isDeleting = false;
  machine.onDiskCall = (call, process) => {
    if (isDeleting && call === 'rename') process.kill('test');
  };
  machine.spawn('killed', async ({ env: its }) => {
    await withBrokerIn(its, async (test) => {
      await test.createTopic('t');
      await test.createTopic('other');
      await test.produce('t', ['old']);
      await test.produce('other', ['kept']);
      isDeleting = true;
      await test.call(DeleteTopics, 6, { topics: [{ name: 't' }], timeoutMs: 1000 });
      await its.clock.sleep(10_000);
    });
    return 0;
  });
  while (machine.alive().length > 1) await env.clock.sleep(100);
  machine.onDiskCall = () => undefined;
}

async function folders(env: Env): Promise<string[]> {
  return (await env.disk.list(LOGS)).filter((name) => /^(t|other)-/.test(name)).sort();
}

describe('broker: deleted topics', () => {
  it('the files of one whose deletion a crash cut short are gone after the next start', () =>
    inWorld(1, async (env, machine) => {
      await killedAtRename(env, machine);
      assert.deepEqual(await folders(env), ['other-0', 't-0']);
      await withBrokerIn(
        env,
        async (test) => {
          assert.deepEqual(await folders(env), ['other-0']);
          await test.createTopic('t');
          assert.equal((await test.produce('t', ['new'])).baseOffset, 0);
          assert.equal(batchCount(await test.fetch('other', 0)), 1);
        },
        { wasClean: false },
      );
    }));

  it('ten times made again under load: every new one begins empty, and nothing of the others stays', () =>
    withBroker(async (test) => {
      for (let round = 0; round < 10; round++) {
        await test.createTopic('t', 3);
        const produced = Array.from({ length: 9 }, (_, at) => test.produce('t', [`${round}`], { index: at % 3 }));
        const offsets = (await Promise.all(produced)).map(({ error, baseOffset }) => [error, baseOffset]);
        assert.deepEqual(
          offsets,
          Array.from({ length: 9 }, (_, at) => ['NONE', Math.floor(at / 3)]),
        );
        const waiting = test.fetch('t', 3, { maxWaitMs: 500 });
        await test.call(DeleteTopics, 6, { topics: [{ name: 't' }], timeoutMs: 1000 });
        await waiting;
      }
      await test.env.clock.sleep(5000);
      assert.deepEqual(await folders(test.env), []);
    }));
});

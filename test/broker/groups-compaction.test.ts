/** Committed offsets and groups after their topic was compacted: the newest of each is there, and what was deleted is not (I-23). */
import assert from 'node:assert/strict';
import { DIRECTORY, inWorld } from '../cluster/in-world.ts';
import { withBrokerIn } from './broker-in-world.ts';
import { GroupClient } from './group-client.ts';

const SETTINGS = ['log.roll.ms=50', 'log.cleaner.backoff.ms=1000', 'offsets.topic.num.partitions=1'];
const COMMITS = 30;
const LOG = `${DIRECTORY}/brokers/1/log`;

describe('broker: groups whose topic was compacted', () => {
  for (const wasClean of [true, false]) {
    it(`are what they were after ${wasClean ? 'a clean end' : 'a recovery'}`, () =>
      inWorld(1, async (env) => {
        await env.disk.makeDirectory(DIRECTORY);
        const logs = async (): Promise<number> => {
          const names = await env.disk.list(`${LOG}/__consumer_offsets-0`);
          return names.filter((name) => name.endsWith('.log')).length;
        };
        await withBrokerIn(
          env,
          async (test) => {
            await test.createTopic('t');
            const groups = ['a', 'b', 'c'].map((groupId) => new GroupClient(test, { groupId }));
            for (const group of groups) assert.equal(await group.find(), 'NONE');
            for (let offset = 0; offset < COMMITS; offset++) {
              for (const group of groups) assert.equal(await group.commit('t', offset), 'NONE');
              await test.env.clock.sleep(60);
            }
            const [member] = groups;
            assert.equal(await member?.join(), 'NONE');
            assert.equal(await member?.sync(), 'NONE');
            await test.env.clock.sleep(20_000);
            assert.match(
              (await env.disk.readFile(`${LOG}/cleaner-offset-checkpoint`)).toString(),
              /^__consumer_offsets 0 [1-9]/m,
            );
            assert.ok((await logs()) < COMMITS / 3, `${await logs()} segments`);
          },
          { settings: SETTINGS },
        );
        await withBrokerIn(
          env,
          async (test) => {
            for (const groupId of ['a', 'b', 'c']) {
              const group = new GroupClient(test, { groupId });
              assert.equal(await group.find(), 'NONE');
              assert.equal(await group.committed('t'), COMMITS - 1);
            }
          },
          { settings: SETTINGS, wasClean },
        );
      }));
  }
});

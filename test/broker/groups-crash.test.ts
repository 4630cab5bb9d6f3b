import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import type { BrokerUnderTest } from './broker-in-world.ts';
import { type GroupModules, loadGroupModules } from './group-modules.ts';

const GROUPS = ['a', 'b', 'c'];
/** Lives of the directory in one run, each but the last ended by a crash. */
const LIFE_COUNT = 4;

let modules: GroupModules;

/** By group: the newest offset that was acked, and the newest that was sent. */
type Ledger = Map<string, { acked: number; sent: number; memberId: string; generationId: number }>;

async function startBroker(env: Env): Promise<BrokerUnderTest> {
  const { Broker, brokerSettings, BrokerUnderTest: Test, mustBecomeBroker } = modules;
  const session = await mustBecomeBroker(env, { lastCloseWasClean: async () => false });
  return new Test(env, await Broker.start(env, session, brokerSettings({})), session);
}

/** Each group commits rising offsets for as long as the process lives. */
async function commitForEver(test: BrokerUnderTest, ledger: Ledger): Promise<void> {
  await Promise.all(
    GROUPS.map(async (groupId) => {
      const state = ledger.get(groupId) ?? { acked: -1, sent: -1, memberId: '', generationId: -1 };
      ledger.set(groupId, state);
      const client = new modules.GroupClient(test, { groupId, context: { listener: 'tcp', remote: '10.0.0.1:1' } });
      await client.find();
      if (state.memberId === '') {
        assert.deepEqual([await client.join(), await client.sync()], ['NONE', 'NONE']);
        Object.assign(state, { memberId: client.memberId, generationId: client.generationId });
      }
      Object.assign(client, { memberId: state.memberId, generationId: state.generationId });
      for (;;) {
        state.sent += 1;
        if ((await client.commit('t', state.sent)) === 'NONE') state.acked = state.sent;
        // Whatever is answered how soon: the world's time goes on.
        await test.env.clock.sleep(0.1);
      }
    }),
  );
}

async function run(seed: number): Promise<void> {
  const { SimMachine, World, DIRECTORY, runToEnd } = modules;
  const machine = new SimMachine(new World({ seed }), 'm');
  const { world } = machine;
  const ledger: Ledger = new Map();
  machine.spawn('first', async ({ env }) => {
    await env.disk.makeDirectory(DIRECTORY);
    const test = await startBroker(env);
    await test.createTopic('t');
    await test.broker.stop();
    return 0;
  });
  await runToEnd(machine, 60_000);
  const chance = world.chance.fork();
  for (let life = 0; life < LIFE_COUNT; life += 1) {
    const isLast = life === LIFE_COUNT - 1;
    const known = structuredClone(ledger);
    const { process } = machine.spawn('broker', async ({ env }) => {
      const test = await startBroker(env);
      for (const [groupId, { acked, sent, memberId, generationId }] of known) {
        const client = new modules.GroupClient(test, { groupId });
        const committed = Number(await client.committed('t'));
        const what = `seed ${seed}, life ${life}, group ${groupId}: ${committed}, acked ${acked}, sent ${sent}`;
        assert.ok(committed >= acked && committed <= sent, what);
        if (memberId === '') continue;
        Object.assign(client, { memberId, generationId });
        assert.equal(await client.heartbeat(), 'NONE', `${what}: its member is known`);
      }
      if (isLast) await test.broker.stop();
      else await commitForEver(test, ledger);
      return 0;
    });
    if (isLast) break;
    // Some time after the start: while it loads, joins, commits, or rolls.
    world.after(5 + chance.fraction() * 400, () => {
      if (chance.fraction() < 0.5) process.kill('SIGKILL');
      else machine.cutPower();
    });
    await runToEnd(machine, 60_000);
  }
  await runToEnd(machine, 60_000);
}

describe('groups through crashes', () => {
  before(async () => {
    modules = await loadGroupModules();
  });

  it('an acked commit is never forgotten or older, and a member that joined is known (I-22, I-23)', async () => {
    for (let seed = 1; seed <= 20; seed += 1) await run(seed);
  });
});

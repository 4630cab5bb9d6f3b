import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { LogCleaner } from '../../src/broker/log-cleaner.ts';
import type { CompactionOrder, CompactionOutcome } from '../../src/log/compaction/compact-logs.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { IncrementalAlterConfigs } from '../../src/protocol/apis/index.ts';
import { DIRECTORY, inWorld } from '../cluster/in-world.ts';
import { withBrokerIn } from './broker-in-world.ts';
import { ManualClock } from './manual-clock.ts';

const SILENT_LOG = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const [TOPIC, SET] = [2, 0];
const CHECKPOINT = `${DIRECTORY}/brokers/1/log/cleaner-offset-checkpoint`;

describe('broker: compaction by the clock', () => {
  const scene = (isEnabled = true) => {
    const clock = new ManualClock();
    const orders: CompactionOrder[] = [];
    const held: ((outcome: CompactionOutcome | undefined) => void)[] = [];
    const logs = {
      compact: (order: CompactionOrder) => {
        orders.push(order);
        return new Promise<CompactionOutcome | undefined>((resolve) => held.push(resolve));
      },
      closedPartition: () => undefined,
      cleanedOffset: () => Promise.resolve(undefined),
    };
    const settings = {
      number: (name: string) => (name === 'log.cleaner.backoff.ms' ? 15_000 : 1),
      flag: () => isEnabled,
    };
    const partitions = {
      allLed: () => [],
      logOf: () => Promise.resolve(undefined),
      configOf: () => DEFAULT_LOG_CONFIG,
    };
    const cleaner = new LogCleaner({ env: { clock, log: SILENT_LOG }, logs, partitions, settings });
    const finish = async (outcome: CompactionOutcome | undefined) => {
      held.shift()?.(outcome);
      await turn();
    };
    const advance = async (ms: number) => {
      clock.advance(ms);
      await turn();
    };
    return { orders, cleaner, finish, advance };
  };

  it('looks after log.cleaner.backoff.ms, goes on as long as something was done, and rests then', async () => {
    const { orders, finish, advance } = scene();
    await advance(14_999);
    assert.equal(orders.length, 0);
    await advance(1);
    assert.equal(orders.length, 1);
    await finish('done');
    assert.equal(orders.length, 2);
    await advance(100_000);
    assert.equal(orders.length, 2, 'one at a time');
    for (const outcome of ['failed', 'stopped', undefined] as const) {
      const before: number = orders.length;
      await finish(outcome);
      await advance(14_999);
      assert.equal(orders.length, before, String(outcome));
      await advance(1);
      assert.equal(orders.length, before + 1);
    }
  });

  it('ends a pass that is under way, waits for it, and does what is small afterwards', async () => {
    const { orders, cleaner, finish, advance } = scene();
    await advance(15_000);
    let isStopped = false;
    const stopping = cleaner.stop().then(() => {
      isStopped = true;
    });
    await turn();
    assert.deepEqual([isStopped, orders[0]?.isStopped(), orders[0]?.bytesMax], [false, true, Number.POSITIVE_INFINITY]);
    await finish('stopped');
    await stopping;
    await advance(1_000_000);
    assert.equal(orders.length, 1);
    const finishing = cleaner.finish();
    await turn();
    assert.deepEqual(
      [orders.length, orders[1]?.isStopped(), (orders[1]?.bytesMax ?? 0) < 10_000_000],
      [2, false, true],
    );
    await advance(500);
    assert.equal(orders[1]?.isStopped(), true, 'for a moment');
    await finish('done');
    await finishing;
    assert.equal(orders.length, 2);
  });

  it('does nothing where log.cleaner.enable is false', async () => {
    const { orders, cleaner, advance } = scene(false);
    await advance(1_000_000);
    await cleaner.stop();
    await cleaner.finish();
    assert.equal(orders.length, 0);
  });

  it('opens what nobody opened, where it is due by the close record, and nothing else', () =>
    inWorld(1, async (env) => {
      await env.disk.makeDirectory(DIRECTORY);
      const settings = ['log.cleaner.enable=false'];
      await withBrokerIn(
        env,
        async (test) => {
          await test.createTopic('due', 1, { 'segment.ms': '1' });
          await test.createTopic('not-due', 1, { 'segment.ms': '1', 'min.cleanable.dirty.ratio': '1' });
          for (let count = 0; count < 4; count++) {
            for (const topic of ['due', 'not-due']) assert.equal((await test.produce(topic, ['value'])).error, 'NONE');
            await test.env.clock.sleep(10);
          }
        },
        { settings },
      );
      await withBrokerIn(
        env,
        async (test) => {
          await test.env.clock.sleep(20_000);
          assert.equal((await env.disk.readFile(CHECKPOINT)).toString(), '0\n1\ndue 0 3\n');
        },
        { settings: ['log.cleanup.policy=compact'] },
      );
    }));

  it('begins with a topic when its cleanup.policy is altered, which then takes no record without a key', () =>
    inWorld(1, async (env) => {
      await env.disk.makeDirectory(DIRECTORY);
      await withBrokerIn(env, async (test) => {
        await test.createTopic('t', 1, { 'segment.ms': '1' });
        for (let count = 0; count < 4; count++) {
          assert.equal((await test.produce('t', ['value'])).error, 'NONE');
          await test.env.clock.sleep(10);
        }
        await test.env.clock.sleep(20_000);
        assert.equal(await env.disk.stat(CHECKPOINT), undefined);
        const configs = [{ name: 'cleanup.policy', configOperation: SET, value: 'compact,delete' }];
        const resources = [{ resourceType: TOPIC, resourceName: 't', configs }];
        const answer = await test.call(IncrementalAlterConfigs, 1, { resources, validateOnly: false });
        assert.equal(answer.responses[0]?.errorCode, 0);
        assert.equal((await test.produce('t', ['value'])).error, 'INVALID_RECORD');
        await test.env.clock.sleep(20_000);
        assert.equal((await env.disk.readFile(CHECKPOINT)).toString(), '0\n1\nt 0 3\n');
      });
    }));
});

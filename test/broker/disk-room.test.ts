/** A whole broker below a cap on its directory's size. */
import assert from 'node:assert/strict';
import { MAX_DISK_SETTING } from '../../src/broker/own-settings.ts';
import type { Env } from '../../src/kernel/env.ts';
import { DirectorySize } from '../../src/log/directory-size.ts';
import { DeleteRecords, DeleteTopics, IncrementalAlterConfigs } from '../../src/protocol/apis/index.ts';
import { errorName } from '../../src/protocol/errors.ts';
import { DIRECTORY, inWorld } from '../cluster/in-world.ts';
import { type BrokerUnderTest, withBroker, withBrokerIn } from './broker-in-world.ts';

const MIB = 1 << 20;
const CAP_BYTES = 64 * MIB;
const FOLDER = `${DIRECTORY}/brokers/1`;
const CAPPED = [`${MAX_DISK_SETTING}=${CAP_BYTES}`];

/** A batch of about a MiB. */
const MUCH = ['x'.repeat(1_000_000)];

async function folderBytes(env: Env): Promise<number> {
  const size = new DirectorySize(env.disk, FOLDER);
  await size.count();
  return size.folderBytes ?? 0;
}

/** Somebody else's file in the broker's folder: it counts, and nobody may delete it. */
async function putForeign(env: Env, bytes: number): Promise<void> {
  await env.disk.makeDirectory(`${FOLDER}/cut`);
  const file = await env.disk.open(`${FOLDER}/cut/foreign`, 'w+');
  await file.writev([Buffer.alloc(bytes)], 0);
  await file.close();
}

async function setCap(test: BrokerUnderTest, value: string | null): Promise<void> {
  const configs = [{ name: MAX_DISK_SETTING, configOperation: value === null ? 1 : 0, value }];
  const resources = [{ resourceType: 4, resourceName: '', configs }];
  const answer = await test.call(IncrementalAlterConfigs, 1, { resources, validateOnly: false });
  assert.equal(errorName(answer.responses[0]?.errorCode ?? -1), 'NONE', answer.responses[0]?.errorMessage ?? '');
}

describe('broker: room below the cap on a directory', function () {
  this.timeout(120_000);

  it('the oldest segments go over all topics, and everything is taken', () =>
    withBroker(async (test) => {
      await test.createTopic('old');
      await test.createTopic('new');
      for (let index = 0; index < 30; index++) assert.equal((await test.produce('old', MUCH)).error, 'NONE');
      await test.env.clock.sleep(1000);
      for (let index = 0; index < 30; index++) assert.equal((await test.produce('new', MUCH)).error, 'NONE');
      assert.ok((await test.startOf('old')) > 0);
      assert.equal(await test.startOf('new'), 0, 'what is older goes first');
      let mostBytes = 0;
      for (let index = 0; index < 60; index++) {
        assert.equal((await test.produce('new', MUCH)).error, 'NONE');
        mostBytes = Math.max(mostBytes, await folderBytes(test.env));
      }
      assert.ok(mostBytes + 8 * MIB <= CAP_BYTES, `${mostBytes} bytes in the folder`);
      assert.ok((await test.startOf('new')) > 0);
      const end = (await test.fetch('new', 89)).responses[0]?.partitions[0];
      assert.equal(Number(end?.highWatermark), 90);
    }, CAPPED));

  it('with nothing left to delete a Produce is refused, once for all told; where room comes again it goes on', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      await test.createTopic('u');
      await putForeign(test.env, 52 * MIB);
      for (let index = 0; index < 4; index++) assert.equal((await test.produce('t', MUCH)).error, 'NONE');
      const refused = await test.produce('t', MUCH, { acks: 1 });
      assert.equal(refused.error, 'KAFKA_STORAGE_ERROR');
      assert.match(refused.partition.errorMessage ?? '', /cap of 67108864 bytes \(streamctl\.max\.disk\.bytes\)/);
      assert.equal((await test.produce('u', ['x'.repeat(300_000)])).error, 'KAFKA_STORAGE_ERROR');
      assert.equal(await test.startOf('t'), 0, 'what is appended to is not deleted');
      await test.env.clock.sleep(10_000);
      assert.equal((await test.produce('u', MUCH)).error, 'KAFKA_STORAGE_ERROR');
      await test.env.clock.sleep(10_000);
      const deletion = { topics: [{ name: 't' }], timeoutMs: 1000 };
      await test.call(DeleteTopics, 6, deletion);
      await test.env.clock.sleep(100);
      assert.equal((await test.produce('u', MUCH)).error, 'NONE');
    }, CAPPED));

  it('DeleteRecords makes room: what it took goes when room is wanted', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      await putForeign(test.env, 53 * MIB);
      for (let index = 0; index < 3; index++) assert.equal((await test.produce('t', MUCH)).error, 'NONE');
      assert.equal((await test.produce('t', MUCH)).error, 'KAFKA_STORAGE_ERROR');
      await test.env.clock.sleep(10_000);
      const partitions = [{ partitionIndex: 0, offset: -1n }];
      await test.call(DeleteRecords, 2, { topics: [{ name: 't', partitions }], timeoutMs: 1000 });
      assert.equal((await test.produce('t', MUCH)).error, 'NONE');
    }, CAPPED));

  it('a Produce that waits for room holds back what its connection sends after it', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      for (let index = 0; index < 20; index++) await test.produce('t', MUCH);
      await putForeign(test.env, 40 * MIB);
      await setCap(test, String(CAP_BYTES));
      test.holds.length = 0;
      let isHeld = true;
      const answer = test.produce('t', MUCH);
      assert.equal(test.holds.length, 1);
      const holding = test.holds[0]?.then(() => {
        isHeld = false;
      });
      assert.equal((await answer).error, 'NONE');
      assert.equal(isHeld, false);
      await holding;
      assert.ok((await test.startOf('t')) > 0);
    }));

  it('a cap that is set or lowered is met without an append; one that is taken away is forgotten', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 1, { 'segment.bytes': '4194304' });
      for (let index = 0; index < 100; index++) await test.produce('t', MUCH);
      assert.equal(await test.startOf('t'), 0);
      await setCap(test, String(2 * CAP_BYTES));
      await test.env.clock.sleep(5000);
      assert.equal(await test.startOf('t'), 0);
      await setCap(test, String(CAP_BYTES));
      await test.env.clock.sleep(5000);
      assert.ok((await folderBytes(test.env)) + 8 * MIB < CAP_BYTES);
      await setCap(test, null);
      for (let index = 0; index < 60; index++) assert.equal((await test.produce('t', MUCH)).error, 'NONE');
      assert.ok((await folderBytes(test.env)) > CAP_BYTES);
    }));

  it('one that is appended to and is larger than the cap lets segments be is sealed and goes', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      for (let index = 0; index < 70; index++) await test.produce('t', MUCH);
      await setCap(test, String(CAP_BYTES));
      assert.equal((await test.produce('t', MUCH)).error, 'NONE');
      assert.equal(await test.startOf('t'), 70);
    }));

  it('a stop ends the pass at the next log, and who waits for it is answered', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 20);
      for (let index = 0; index < 60; index++) await test.produce('t', MUCH, { index: index % 20 });
      await setCap(test, String(CAP_BYTES));
      const answers = [test.produce('t', MUCH), test.produce('t', MUCH, { index: 1 })];
      await test.broker.stop();
      for (const { error } of await Promise.all(answers))
        assert.ok(error === 'NONE' || error === 'KAFKA_STORAGE_ERROR');
    }));

  it('many partitions leave room for sealed segments', () =>
    withBroker(async (test) => {
      await test.createTopic('t', 100);
      for (let round = 0; round < 3; round++) {
        for (let index = 0; index < 100; index++) {
          assert.equal((await test.produce('t', ['x'.repeat(400_000)], { index })).error, 'NONE');
        }
      }
      assert.ok((await folderBytes(test.env)) + 8 * MIB <= CAP_BYTES);
    }, CAPPED));

  it('after a clean close nothing is walked, and partitions that nobody opened give too', () =>
    inWorld(1, async (env, machine) => {
      await env.disk.makeDirectory(DIRECTORY);
      await withBrokerIn(env, async (test) => {
        await test.createTopic('t');
        await test.createTopic('u');
        await setCap(test, String(CAP_BYTES));
        for (let index = 0; index < 45; index++) assert.equal((await test.produce('t', MUCH)).error, 'NONE');
      });
      await withBrokerIn(env, async (test) => {
        const calls: string[] = [];
        machine.onDiskCall = (call, _process) => void calls.push(call);
        assert.equal((await test.produce('u', MUCH)).error, 'NONE');
        machine.onDiskCall = () => undefined;
        assert.ok(calls.length < 40, calls.join(' '));
        for (let index = 0; index < 25; index++) assert.equal((await test.produce('u', MUCH)).error, 'NONE');
        assert.ok((await test.startOf('t')) > 0);
        assert.ok((await folderBytes(env)) + 8 * MIB <= CAP_BYTES);
      });
    }));

  it('killed anywhere while room is made: what is left is whole, ends where it was acked or later, and the cap holds on', async () => {
    for (let call = 3; call < 300; call += 66) {
      await inWorld(call, async (env, machine) => {
        await env.disk.makeDirectory(DIRECTORY);
        let ackedCount = 0;
        let left = Number.POSITIVE_INFINITY;
        machine.onDiskCall = (_call, process) => {
          left -= 1;
          if (left === 0) process.kill('test');
        };
        machine.spawn('killed', async ({ env: its }) => {
          await withBrokerIn(its, async (test) => {
            await test.createTopic('t');
            await setCap(test, String(CAP_BYTES));
            for (; ackedCount < 54; ackedCount++) await test.produce('t', MUCH);
            left = call;
            for (; ackedCount < 200; ackedCount++) await test.produce('t', MUCH);
          });
          return 0;
        });
        while (machine.alive().length > 1) await env.clock.sleep(100);
        machine.onDiskCall = () => undefined;
        await withBrokerIn(
          env,
          async (test) => {
            const begin = await test.startOf('t');
            const partition = (await test.fetch('t', begin)).responses[0]?.partitions[0];
            assert.equal(errorName(partition?.errorCode ?? -1), 'NONE');
            assert.ok(Number(partition?.highWatermark) >= ackedCount, `${partition?.highWatermark} of ${ackedCount}`);
            for (let index = 0; index < 8; index++) assert.equal((await test.produce('t', MUCH)).error, 'NONE');
            assert.ok((await folderBytes(env)) + 8 * MIB <= CAP_BYTES);
            assert.ok((await test.startOf('t')) >= begin);
          },
          { wasClean: false },
        );
      });
    }
  });

  it('after a kill it is counted before the first append, and what was not recovered gives too', () =>
    inWorld(1, async (env, machine) => {
      await env.disk.makeDirectory(DIRECTORY);
      const victim = machine.spawn('killed', async ({ env: its }) => {
        await withBrokerIn(its, async (test) => {
          await test.createTopic('t');
          await test.createTopic('u');
          await setCap(test, String(CAP_BYTES));
          for (let index = 0; index < 50; index++) assert.equal((await test.produce('t', MUCH)).error, 'NONE');
          victim.process.kill('test');
        });
        return 0;
      });
      while (machine.alive().length > 1) await env.clock.sleep(100);
      await withBrokerIn(
        env,
        async (test) => {
          for (let index = 0; index < 20; index++) assert.equal((await test.produce('u', MUCH)).error, 'NONE');
          assert.ok((await test.startOf('t')) > 0);
          assert.ok((await folderBytes(env)) + 8 * MIB <= CAP_BYTES);
        },
        { wasClean: false },
      );
    }));
});

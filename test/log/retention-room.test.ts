/** What a sweep takes for want of room, whatever its age. */
import assert from 'node:assert/strict';
import { DirectorySize } from '../../src/log/directory-size.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { BROKER, newMachine, openDirectory, openLog, run, TOPIC_ID } from './log-in-world.ts';
import { fill, SMALL_SEGMENTS } from './small-segments.ts';

describe('log: room by retention', () => {
  it('so many segments as are asked for go for want of room, but the active one', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const size = new DirectorySize(env.disk, BROKER);
      const logs = await openDirectory(env, { size });
      const log = await openLog(logs, SMALL_SEGMENTS);
      await fill(env, log, 6);
      await size.count();
      const countedBytes = size.folderBytes ?? 0;
      assert.equal(await logs.sweep({ giveCounts: new Map([['t-0', 1]]), atOnce: true }), 1);
      assert.equal(await logs.sweep({ giveCounts: new Map([['t-0', 9]]), atOnce: true }), 1);
      await env.clock.sleep(10);
      assert.equal(log.logStartOffset, 8);
      const toldBytes = size.folderBytes ?? 0;
      await size.count();
      assert.ok(toldBytes < countedBytes - 800);
      // The deletion made a file that says so, and what it needed first.
      assert.ok(Math.abs(toldBytes - (size.folderBytes ?? 0)) < 300, `${toldBytes} of ${size.folderBytes}`);
      assert.deepEqual([...(await logs.sizes())], [['t-0', log.sizeBytes]]);
    });
  });

  it('a sweep answers how many segments went of all logs together', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const config = { ...DEFAULT_LOG_CONFIG, ...SMALL_SEGMENTS };
      for (const partition of [0, 1, 2]) {
        const options = { topic: 't', partition, topicId: TOPIC_ID, config, leaderEpoch: 0 };
        await fill(env, await logs.openPartition(options), 6);
      }
      const giveCounts = new Map([0, 1, 2].map((partition) => [`t-${partition}`, 2]));
      assert.equal(await logs.sweep({ giveCounts }), 6);
    });
  });

  it('an active segment that is larger than segments become by now is sealed and goes, for want of room', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const logs = await openDirectory(env);
      const log = await openLog(logs, { ...SMALL_SEGMENTS, segmentBytes: 1 << 20 });
      await fill(env, log, 6);
      const giveCounts = new Map([['t-0', 1]]);
      assert.equal(await logs.sweep({ giveCounts, atOnce: true }), 0);
      const { logEndOffset } = log;
      log.setConfig({ ...DEFAULT_LOG_CONFIG, segmentBytes: log.sizeBytes });
      assert.equal(await logs.sweep({ giveCounts, atOnce: true }), 1);
      assert.equal(log.logStartOffset, logEndOffset);
      assert.equal(log.sizeBytes, 0);
    });
  });
});

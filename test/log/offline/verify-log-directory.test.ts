import assert from 'node:assert/strict';
import type { Env } from '../../../src/kernel/env.ts';
import type { Finding } from '../../../src/kernel/finding.ts';
import { verifyLogDirectory } from '../../../src/log/offline/verify-log-directory.ts';
import type { PartitionLog } from '../../../src/log/partition-log.ts';
import { Prng } from '../../sim/prng.ts';
import type { SimMachine } from '../../sim/sim-machine.ts';
import { batchOf } from '../batches.ts';
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
} from '../log-in-world.ts';

const CONFIG = { segmentBytes: 3000, indexIntervalBytes: 300 };
const LIVES = 6;
const STEPS_A_LIFE = 25;

async function findingsOf(env: Env, brokerEpoch: number): Promise<Finding[]> {
  const own = {
    brokerDirectory: BROKER,
    clusterId: 'c',
    brokerId: 1,
    brokerEpoch,
    hadLogs: true,
    topicIds: new Map([['t', TOPIC_ID]]),
  };
  const found: Finding[] = [];
  for await (const finding of verifyLogDirectory(env, `${BROKER}/log`, own, { live: false, deep: true })) {
    found.push(finding);
  }
  return found;
}

interface Producer {
  epoch: number;
  sequence: number;
}

/** One step of a life: an append of some size, by a producer or by none; a failing disk; a cut; a deletion. */
async function step(machine: SimMachine, log: PartitionLog, chance: Prng, producer: Producer): Promise<void> {
  const kind = chance.between(0, 19);
  // No batch has more than four records: a cut there never takes the batch that the log begins in.
  if (kind === 0 && log.logEndOffset > log.logStartOffset + 4) {
    await log.truncateTo(chance.between(log.logStartOffset + 4, log.logEndOffset));
    producer.epoch += 1;
    producer.sequence = 0;
    return;
  }
  if (kind === 1) {
    await log.deleteRecords(chance.between(log.logStartOffset, log.highWatermark));
    return;
  }
  if (kind <= 4) {
    const call = chance.hits(0.5) ? 'write' : 'open';
    machine.hardware.faults = (name, path) =>
      name === call && path.startsWith(PARTITION) ? { kind: 'error', code: 'EDQUOT' } : undefined;
  }
  const values = Array.from({ length: chance.between(1, 4) }, () => Buffer.alloc(chance.between(0, 300), 'v'));
  const timestamp = BigInt(chance.between(1, 1_000_000));
  const { epoch, sequence } = producer;
  const identity = chance.hits(0.5) ? { producerId: 7n, epoch, sequence } : {};
  const appended = await append(log, batchOf(values, { timestamp, ...identity }));
  try {
    await appended.committed;
    if ('producerId' in identity) producer.sequence += values.length;
  } catch {
    // The disk was full: what comes next has the same sequence.
  }
  machine.hardware.faults = () => undefined;
}

describe('log: verify', () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    it(`finds nothing wrong in what lives of appends, full disks, cuts, deletions, closes and kills leave, seed ${seed}`, async () => {
      const machine = newMachine(seed);
      const chance = new Prng(seed);
      const producer: Producer = { epoch: 0, sequence: 0 };
      for (let life = 1; life <= LIVES; life += 1) {
        const closes = life === LIVES || chance.hits(0.7);
        await run(machine, async (env) => {
          const logs = await openDirectory(env, { brokerEpoch: life });
          const log = await openLog(logs, CONFIG);
          for (let count = 0; count < STEPS_A_LIFE; count += 1) await step(machine, log, chance, producer);
          if (chance.hits(0.3)) await logs.sweep({});
          if (closes) await logs.close();
        });
        if (!closes) continue;
        await run(machine, async (env) => {
          const found = await findingsOf(env, life);
          assert.deepEqual(
            found.filter(({ severity }) => severity !== 'unchecked'),
            [],
          );
        });
      }
      assert.ok(namesIn(machine, PARTITION).length > 4);
    });
  }

  it('an empty checkpoint is what a real Kafka begins with, and in a directory of ours a file that lost its bytes', async () => {
    const machine = newMachine(1);
    await run(machine, async (env) => {
      const logs = await openDirectory(env, { brokerEpoch: 1 });
      await append(await openLog(logs, CONFIG), batchOf([Buffer.from('v')]));
      await logs.close();
      const file = await env.disk.open(`${BROKER}/log/cleaner-offset-checkpoint`, 'w+');
      await file.close();
      const rules = (found: readonly Finding[]): string[] => {
        return found.filter(({ file: name }) => name.endsWith('cleaner-offset-checkpoint')).map(({ rule }) => rule);
      };
      const foreign: Finding[] = [];
      for await (const finding of verifyLogDirectory(env, `${BROKER}/log`, undefined, { live: false, deep: true })) {
        foreign.push(finding);
      }
      assert.deepEqual(rules(foreign), []);
      assert.deepEqual(rules(await findingsOf(env, 1)), ['format']);
    });
  });
});

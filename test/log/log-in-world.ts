/** Runs log code on a simulated machine, whose disk loses and fails as it is told. */
import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../src/log/log-config.ts';
import { LogDirectory, type LogDirectoryOptions } from '../../src/log/log-directory.ts';
import type { Appended, PartitionLog } from '../../src/log/partition-log.ts';
import { type ErrorName, KafkaError } from '../../src/protocol/errors.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';
import { type SeenBatch, splitBatches } from './batches.ts';

export const BROKER = '/d/brokers/1';
export const PARTITION = `${BROKER}/log/t-0`;
export const TOPIC_ID = 'AQIDBAUGBwgJCgsMDQ4PEA';

/** A machine with a broker's directory, which whoever registers a broker makes, durably. */
export function newMachine(seed = 1): SimMachine {
  const machine = new SimMachine(new World({ seed }), 'm');
  const { files } = machine;
  let above = '';
  for (const name of BROKER.split('/').slice(1)) {
    files.create(`${above}/${name}`, 'directory', 'mkdir');
    files.syncFolder(files.get(above, 'sync'), 1);
    above = `${above}/${name}`;
  }
  return machine;
}

/** Runs `main` as a process of the machine to its end; what it throws is thrown here. */
export async function run<T>(machine: SimMachine, main: (env: Env) => Promise<T>, name = 'p'): Promise<T> {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  machine.spawn(name, async ({ env }) => {
    try {
      outcome = { value: await main(env) };
    } catch (error) {
      outcome = { error };
    }
    return 0;
  });
  await runUntil(machine, () => outcome !== undefined);
  assert.ok(outcome !== undefined);
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

export async function runUntil(machine: SimMachine, done: () => boolean, limitMs = 600_000): Promise<void> {
  const how = await machine.world.run(done, limitMs);
  const { violations } = machine.world;
  assert.deepEqual(violations, [], machine.world.traceLines().slice(-40).join('\n'));
  assert.equal(how, 'done');
}

export function openDirectory(env: Env, options: Partial<LogDirectoryOptions> = {}): Promise<LogDirectory> {
  return LogDirectory.open(env, {
    brokerDirectory: BROKER,
    clusterId: 'c',
    brokerId: 1,
    brokerEpoch: 1,
    canWrite: () => true,
    ...options,
  });
}

export function openLog(logs: LogDirectory, config: Partial<LogConfig> = {}, leaderEpoch = 0): Promise<PartitionLog> {
  const merged = {
    ...DEFAULT_LOG_CONFIG,
    timestampAfterMaxMs: 1n << 62n,
    retentionMs: Number.POSITIVE_INFINITY,
    ...config,
  };
  return logs.openPartition({ topic: 't', partition: 0, topicId: TOPIC_ID, config: merged, leaderEpoch });
}

/** Appends as a client does. */
export async function append(log: PartitionLog, batch: Buffer, leaderEpoch = 0): Promise<Appended> {
  return await log.append({ records: [batch], origin: 'client', leaderEpoch, apiVersion: 9 });
}

/** Everything that is readable from `offset` on, before damage, read `maxBytes` at a time. */
export async function readAll(
  log: PartitionLog,
  offset = log.logStartOffset,
  maxBytes = 100_000,
): Promise<SeenBatch[]> {
  const seen: SeenBatch[] = [];
  let next: number | undefined = offset;
  const end = Math.min(log.highWatermark, log.damagedAt ?? log.highWatermark);
  while (next !== undefined && next < end) {
    const read = await log.read({
      offset: next,
      maxBytes,
      minOneBatch: true,
      isolation: 'read_uncommitted',
      upTo: 'highWatermark',
    });
    seen.push(...splitBatches(read.slices));
    next = read.nextOffset;
    read.release();
  }
  return seen;
}

/** For assert.throws and assert.rejects. */
export function isError(errorName: ErrorName): (error: unknown) => boolean {
  return (error) => error instanceof KafkaError && error.errorName === errorName;
}

/** The names in a directory of the machine, with the sizes of files. */
export function namesIn(machine: SimMachine, path: string): string[] {
  const inode = machine.files.find(path);
  return inode === undefined ? [] : [...inode.folder.names.keys()].sort();
}

export function contentOf(machine: SimMachine, path: string): Buffer {
  return machine.files.get(path, 'read').content.bytes();
}

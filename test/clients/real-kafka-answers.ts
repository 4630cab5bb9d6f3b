/** What a broker answers about partitions, by the clients of others: kcat, and Kafka's own tool. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { runJava } from './kafka-jars.ts';
import { kcat, run } from './peers.ts';

/** kcat's tokens, and ours. */
export const FORMAT = '%t %p %o %T %K %k %S %s %h\\n';
const LOOKUPS_EACH = 7;

export interface Answers {
  /** A line a record, by partition. */
  readonly records: ReadonlyMap<string, string>;
  /** Exclusive, by partition. */
  readonly ends: ReadonlyMap<string, number>;
  /** The first offset of each partition, and those by timestamps. */
  readonly lookups: string;
  /** Where the largest timestamp of each partition is. */
  readonly largest: string;
}

/** `names`: `<topic>-<partition>`. */
export async function answersOf(bootstrap: string, names: readonly string[]): Promise<Answers> {
  const records = await ofEach(names, (name) => recordsOf(bootstrap, name));
  const times = new Map([...records].map(([name, lines]) => [name, timesIn(lines)]));
  return {
    records,
    ends: await ofEach(names, (name) => endOf(bootstrap, name)),
    lookups: await lookUp(bootstrap, times),
    largest: await largestTimes(bootstrap),
  };
}

/** A short line for each partition; the same for the same records alone. */
export function digestsOf(records: ReadonlyMap<string, string>): string[] {
  return [...records].map(([name, lines]) => {
    const all = lines.split('\n').slice(0, -1);
    const [first, last] = [all[0], all.at(-1)].map((line) => line?.split(' ')[2]);
    return `${name}: ${all.length} records, ${first} to ${last}, ${createHash('sha256').update(lines).digest('hex')}`;
  });
}

/** Asks about all at once. */
export async function ofEach<T>(
  names: Iterable<string>,
  ask: (name: string) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  return new Map(await Promise.all([...names].map(async (name) => [name, await ask(name)] as const)));
}

export async function recordsOf(bootstrap: string, name: string, format = FORMAT): Promise<string> {
  const [topic, partition] = partsOf(name);
  const args = ['-C', '-b', bootstrap, '-t', topic, '-p', partition, '-o', 'beginning', '-e', '-q', '-f', format];
  const consumed = await run(kcat(), [...args, '-X', 'check.crcs=true']);
  assert.equal(consumed.status, 0, consumed.stderr);
  return consumed.stdout.toString();
}

/** Produces a record; answers its offset. */
export async function appendOne(bootstrap: string, name: string): Promise<number> {
  const [topic, partition] = partsOf(name);
  const place = ['-b', bootstrap, '-t', topic, '-p', partition];
  const produced = await run(kcat(), ['-P', ...place, '-K', ':', '-X', 'enable.idempotence=true'], 'last:record\n');
  assert.equal(produced.status, 0, produced.stderr);
  const consumed = await run(kcat(), ['-C', ...place, '-o', '-1', '-e', '-q', '-f', '%o %k:%s']);
  const [, offset, record] = /^(\d+) (.*)$/.exec(consumed.stdout.toString()) ?? [];
  assert.equal(record, 'last:record', name);
  return Number(offset);
}

export function partsOf(name: string): [topic: string, partition: string] {
  const dash = name.lastIndexOf('-');
  return [name.slice(0, dash), name.slice(dash + 1)];
}

/** -2 is the beginning; times of records all over the log, and some around them. */
function timesIn(lines: string): number[] {
  const times = lines
    .split('\n')
    .slice(0, -1)
    .map((line) => Number(line.split(' ')[3]));
  const some = Array.from({ length: LOOKUPS_EACH }, (_, at) => times[Math.floor((at * times.length) / LOOKUPS_EACH)]);
  const asked = new Set([-2, 0]);
  for (const time of [...some, times.at(-1)]) {
    if (time !== undefined) for (const near of [time - 1, time, time + 1]) asked.add(near);
  }
  return [...asked];
}

/** kcat asks one time of a partition at once. */
async function lookUp(bootstrap: string, times: ReadonlyMap<string, readonly number[]>): Promise<string> {
  const roundCount = Math.max(...[...times.values()].map(({ length }) => length));
  const rounds = Array.from({ length: roundCount }, async (_, round) => {
    const asked: string[] = [];
    for (const [name, all] of times) {
      const time = all[round];
      if (time !== undefined) asked.push(`${partsOf(name).join(':')}:${time}`);
    }
    return `${asked.join(' ')}\n${await query(bootstrap, asked)}`;
  });
  return (await Promise.all(rounds)).join('\n');
}

async function endOf(bootstrap: string, name: string): Promise<number> {
  const text = await query(bootstrap, [`${partsOf(name).join(':')}:-1`]);
  return Number(/ offset (\d+)/.exec(text)?.[1]);
}

/** `asked`: `<topic>:<partition>:<timestamp>` each; answers a line for each, sorted. */
async function query(bootstrap: string, asked: readonly string[]): Promise<string> {
  const found = await run(kcat(), ['-Q', '-b', bootstrap, ...asked.flatMap((place) => ['-t', place])]);
  assert.equal(found.status, 0, found.stderr);
  return found.stdout.toString().split('\n').sort().join('\n').trim();
}

async function largestTimes(bootstrap: string): Promise<string> {
  const args = ['--bootstrap-server', bootstrap, '--time', 'max-timestamp', '--exclude-internal-topics'];
  const done = await runJava('org.apache.kafka.tools.GetOffsetShell', args);
  assert.equal(done.status, 0, done.stderr);
  return done.stdout;
}

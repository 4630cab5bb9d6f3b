/**
 * The big compaction: many records of few keys, in one partition of the built program; then a server over it compacts, and its
 * time and peak memory are printed. What is left is read and compared with the last value of each key; a difference fails.
 *
 *   npm run build && node --import=tsx bench/compaction.ts [--records 10000000] [--keys 1000000] [--value 80]
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { STREAMCTL, startServe, streamctl, withFolder } from '../test/helpers/streamctl.ts';
import { processFigures } from './measure.ts';

const TOPIC = 'compacted';
/** Without a common factor with the number of keys: each comes up once in as many records. */
const STRIDE = 7919;
const LINES_PER_WRITE = 10_000;
const POLL_MS = 200;
const WAIT_MS_MAX = 20 * 60_000;

interface Load {
  readonly records: number;
  readonly keys: number;
  readonly valueBytes: number;
}

function keyOf(index: number, { keys }: Load): string {
  return `key-${(index * STRIDE) % keys}`;
}

function textOf(index: number, { valueBytes }: Load): string {
  return `${index} `.padEnd(valueBytes, 'abcdefghijklmnopqrstuvwxyz');
}

async function produce(directory: string, load: Load): Promise<void> {
  const child = spawn(process.execPath, [STREAMCTL, 'produce', TOPIC, '-K', ':', '--dir', directory], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  for (let from = 0; from < load.records; from += LINES_PER_WRITE) {
    let text = '';
    const to = Math.min(load.records, from + LINES_PER_WRITE);
    for (let index = from; index < to; index++) text += `${keyOf(index, load)}:${textOf(index, load)}\n`;
    if (!child.stdin.write(text)) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  const [status] = await once(child, 'close');
  assert.equal(status, 0);
}

/** The offset in Kafka's checkpoint of compacted logs; 0 while there is none. */
function cleanedOffset(directory: string): number {
  try {
    const text = readFileSync(join(directory, 'brokers/1/log/cleaner-offset-checkpoint'), 'latin1');
    return Number(/ 0 (\d+)\n/.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function logFiles(directory: string): { bases: number[]; bytes: number } {
  const folder = join(directory, `brokers/1/log/${TOPIC}-0`);
  const names = readdirSync(folder).filter((name) => name.endsWith('.log'));
  const bytes = names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  return { bases: names.map((name) => Number(name.slice(0, 20))), bytes };
}

/** Reads all that is left and compares it; answers how many records that is. */
async function check(directory: string, load: Load): Promise<number> {
  const last = new Int32Array(load.keys).fill(-1);
  const args = ['consume', TOPIC, '-e', '-f', '%o %k %s\\n', '--dir', directory];
  const child = spawn(process.execPath, [STREAMCTL, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const offset = Number.parseInt(line, 10);
    const key = keyOf(offset, load);
    assert.ok(line.startsWith(`${offset} ${key} ${textOf(offset, load)}`), `offset ${offset} moved: ${line}`);
    last[Number(key.slice('key-'.length))] = offset;
    count += 1;
  }
  for (let index = load.records - 1; index >= Math.max(0, load.records - load.keys); index--) {
    assert.equal(last[Number(keyOf(index, load).slice('key-'.length))], index, 'the newest record of a key is gone');
  }
  return count;
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (let waitedMs = 0; !isTrue(); waitedMs += POLL_MS) {
    assert.ok(waitedMs < WAIT_MS_MAX, `${what}: not after ${WAIT_MS_MAX} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function bench(directory: string, load: Load): Promise<void> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const configs = ['cleanup.policy=compact', 'segment.bytes=67108864', 'streamctl.durability=os'];
  const idle = await startServe(directory, '-X', 'log.cleaner.enable=false');
  const flags = configs.flatMap((config) => ['--config', config]);
  const created = await streamctl(['topics', 'create', TOPIC, '--dir', directory, ...flags]);
  assert.equal(created.status, 0, created.stderr);
  const startMs = performance.now();
  await produce(directory, load);
  say(
    `produced ${load.records} records of ${load.keys} keys in ${((performance.now() - startMs) / 1000).toFixed(1)} s`,
  );
  assert.equal(await idle.stop(), 0);
  const before = logFiles(directory);
  const serving = await startServe(directory, '-X', 'log.cleaner.backoff.ms=100');
  const pid = serving.process.pid ?? 0;
  const started = processFigures(pid);
  const beginMs = performance.now();
  assert.equal((await streamctl(['consume', TOPIC, '-c', '1', '--dir', directory])).status, 0);
  const active = Math.max(...before.bases);
  await until('compaction', () => cleanedOffset(directory) >= active);
  const seconds = (performance.now() - beginMs) / 1000;
  const ended = processFigures(pid);
  const after = logFiles(directory);
  say(
    `compacted ${mb(before.bytes)} to ${mb(after.bytes)} MB in ${seconds.toFixed(1)} s, CPU ${(ended.cpuSeconds - started.cpuSeconds).toFixed(1)} s`,
  );
  say(`memory: ${started.peakResidentMb.toFixed(0)} MiB before, ${ended.peakResidentMb.toFixed(0)} MiB at most`);
  const left = await check(directory, load);
  say(`${left} records are left; the state is that of all, and no record moved`);
  assert.equal(await serving.stop(), 0);
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

const { values } = parseArgs({
  options: { records: { type: 'string' }, keys: { type: 'string' }, value: { type: 'string' } },
});
const load: Load = {
  records: Number(values.records ?? 10_000_000),
  keys: Number(values.keys ?? 1_000_000),
  valueBytes: Number(values.value ?? 80),
};
await withFolder((folder) => bench(join(folder, 'data'), load));

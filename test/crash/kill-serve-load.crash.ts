/**
 * kill -9 of serve at random times under three loads that go on over it: kcat (librdkafka, idempotent), our line producer, and
 * raw idempotent batches with five in flight. Each load ends by itself when all of it is acked; then every value must be there
 * once and in order. STREAMCTL_KILLS kills of about STREAMCTL_KILL_LINES lines each; every SETTLE_KILLS the logs are read.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { faultsFoundByKafka } from '../clients/dump-log.ts';
import { kafkaJars } from '../clients/kafka-jars.ts';
import { PeerMissing } from '../clients/peers.ts';
import { freePort } from '../helpers/free-port.ts';
import {
  cleanEnvironment,
  ended,
  type Serving,
  STREAMCTL,
  startServe,
  streamctl,
  withFolder,
} from '../helpers/streamctl.ts';
import { between, notRun, report, sizeOf, sleep } from './lanes.ts';
import { judge, NumberedLoad, numberedValue, type Verdict } from './numbered-load.ts';

const LANE = 'kill-serve-load';
const KILLS = sizeOf('STREAMCTL_KILLS', 20);
const LINES = sizeOf('STREAMCTL_KILL_LINES', 5100);
/** Kills between two readings of all that was written. */
const SETTLE_KILLS = sizeOf('STREAMCTL_SETTLE_KILLS', 10);
const VALUE_BYTES = 100;
const NO_VERDICT: Verdict = { count: 0, lost: 0, duplicated: 0, reordered: 0, strange: 0 };

describe('kill -9 of serve under load', () => {
  it(`${KILLS} times`, async function () {
    if (spawnSync('kcat', ['-V']).error !== undefined) notRun(this, LANE, 'kcat is not installed');
    await withFolder(async (folder) => {
      const directory = join(folder, 'data');
      const listen = `127.0.0.1:${await freePort()}`;
      const sum = { kills: 0, acked: 0, ...NO_VERDICT };
      const beganMs = performance.now();
      while (sum.kills < KILLS) await killAndJudge(directory, listen, Math.min(SETTLE_KILLS, KILLS - sum.kills), sum);
      const verified = await streamctl(['log', 'verify', directory]);
      const faults = await faultsOrNotRun(join(directory, 'brokers', '1', 'log'));
      const seconds = Math.round((performance.now() - beganMs) / 1000);
      report(LANE, { ...sum, logVerify: verified.status, dumpLogSegments: faults?.length ?? 'not run', seconds });
      assert.deepEqual([sum.lost, sum.duplicated, sum.reordered, sum.strange], [0, 0, 0, 0]);
      assert.deepEqual(faults ?? [], []);
      assert.equal(verified.status, 0, verified.stdout.toString() + verified.stderr);
    });
  }).timeout(120_000 + KILLS * 20_000);
});

type Sum = { -readonly [name in keyof Verdict]: number } & { kills: number; acked: number };

/** New topics, `kills` kills with the loads going on, then all that is there held against what was acked. */
async function killAndJudge(directory: string, listen: string, kills: number, sum: Sum): Promise<void> {
  const server = { serving: await start(directory, listen) };
  try {
    await loadAndKill(server, directory, listen, kills, sum);
  } catch (error) {
    await server.serving.kill();
    throw error;
  }
  assert.equal(await server.serving.stop(), 0);
}

async function loadAndKill(
  server: { serving: Serving },
  directory: string,
  listen: string,
  kills: number,
  sum: Sum,
): Promise<void> {
  const names = ['kcat', 'lines', 'raw'].map((name) => `${name}-${sum.kills}`);
  for (const name of names) {
    const made = await streamctl(['topics', 'create', name, '-b', listen, '--config', 'segment.bytes=1048576']);
    assert.equal(made.status, 0, made.stderr);
  }
  const [kcat = '', lines = '', raw = ''] = names;
  const perLoad = Math.ceil((LINES * kills) / 3 / 100) * 100;
  const spanMs = kills * 1500;
  const loads = [
    fed(kcat, perLoad, spanMs, 'kcat', kcatArguments(listen, kcat)),
    fed(lines, perLoad, spanMs, process.execPath, [STREAMCTL, 'produce', lines, '-b', listen, '--timeout', '60s']),
    rawLoad(raw, perLoad, spanMs, listen),
  ];
  let isOver = false;
  const all = Promise.all(loads).finally(() => {
    isOver = true;
  });
  all.catch(() => undefined);
  for (let kill = 0; kill < kills && !isOver; kill++) {
    await sleep(between(200, 1200));
    await server.serving.kill();
    sum.kills += 1;
    server.serving = await start(directory, listen);
  }
  await all;
  for (const name of names) add(sum, await read(name, listen, perLoad));
  sum.acked += 3 * perLoad;
  for (const name of names) {
    // The last topics stay for the verdict of others.
    if (sum.kills < KILLS) assert.equal((await streamctl(['topics', 'delete', name, '-b', listen])).status, 0);
  }
}

function kcatArguments(listen: string, topic: string): string[] {
  const settings = {
    'enable.idempotence': 'true',
    'message.timeout.ms': '120000',
    'reconnect.backoff.max.ms': '200',
    'retry.backoff.ms': '50',
    'linger.ms': '5',
  };
  // -E: to be without a broker for a moment is no reason to end.
  return ['-P', '-E', '-b', listen, '-t', topic, ...Object.entries(settings).flatMap((pair) => ['-X', pair.join('=')])];
}

/** Feeds numbered lines to a program that ends with 0 once all are acked. */
async function fed(
  name: string,
  count: number,
  spanMs: number,
  program: string,
  args: readonly string[],
): Promise<void> {
  const child = spawn(program, args, { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
  const left = ended(child);
  child.stdin.on('error', () => undefined);
  const ticks = Math.ceil(spanMs / 20);
  for (let tick = 0, next = 1; next <= count; tick++) {
    const until = Math.min(count, Math.ceil((count * (tick + 1)) / ticks));
    const some: Buffer[] = [];
    for (; next <= until; next++) some.push(numberedValue(name, next, VALUE_BYTES), Buffer.from('\n'));
    if (child.stdin.destroyed) break;
    child.stdin.write(Buffer.concat(some));
    await sleep(20);
  }
  child.stdin.end();
  const { status, stderr } = await left;
  assert.equal(status, 0, `${program} of ${name}: ${stderr}`);
}

async function rawLoad(topic: string, recordCount: number, spanMs: number, bootstrap: string): Promise<void> {
  const batchRecords = 20;
  const pauseMs = Math.floor((spanMs / recordCount) * batchRecords);
  const options = { bootstrap, topic, name: topic, batchRecords, valueBytes: VALUE_BYTES, pauseMs, recordCount };
  await new NumberedLoad({ ...options, resend: true }).done;
}

async function read(topic: string, listen: string, acked: number): Promise<Verdict> {
  const log = await streamctl(['consume', topic, '-e', '-b', listen]);
  assert.equal(log.status, 0, log.stderr);
  return judge(log.stdout.toString().trimEnd().split('\n'), topic, acked);
}

function add(sum: Sum, verdict: Verdict): void {
  for (const name of Object.keys(NO_VERDICT) as (keyof Verdict)[]) sum[name] += verdict[name];
}

function start(directory: string, listen: string): Promise<Serving> {
  return startServe(directory, '--listen', listen);
}

async function faultsOrNotRun(logDirectory: string): Promise<readonly string[] | undefined> {
  try {
    kafkaJars();
  } catch (error) {
    if (!(error instanceof PeerMissing)) throw error;
    process.stderr.write('\n*** NOT RUN: DUMPLOGSEGMENTS OF A REAL KAFKA ***\n');
    return undefined;
  }
  return withoutFirstOffsets(await faultsFoundByKafka(logDirectory));
}

/** The tool takes -1 for the offset before the first of each file, so that it finds a gap before every segment but the first. */
function withoutFirstOffsets(faults: readonly string[]): string[] {
  return faults.filter((fault, at) => {
    const base =
      /-1 is followed by (\d+)/.exec(fault)?.[1] ?? /-1 is followed by (\d+)/.exec(faults[at + 1] ?? '')?.[1];
    const of = faults[at - (fault.includes('is followed by') ? 1 : 0)] ?? '';
    return base === undefined || !of.includes(`${base.padStart(20, '0')}.log`);
  });
}

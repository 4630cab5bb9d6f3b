/**
 * How long a start takes: 1,000 topics with a partition each after a clean stop, and 1 GiB of log after kill -9; what the process
 * holds then, and what it costs while nobody asks for anything. STREAMCTL_TOPICS, STREAMCTL_LOG_MIB,
 * STREAMCTL_SETTLE_MS, STREAMCTL_IDLE_MS.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Produce } from '../../src/protocol/apis/00-produce.ts';
import { CreateTopics } from '../../src/protocol/apis/19-create-topics.ts';
import { batchOf, NO_PRODUCER, RawProducer } from '../helpers/raw-producer.ts';
import {
  cleanEnvironment,
  ended,
  type Serving,
  STREAMCTL,
  startServe,
  streamctl,
  withFolder,
} from '../helpers/streamctl.ts';
import { report, sizeOf, sleep } from './lanes.ts';

const LANE = 'start-up';
const TOPICS = sizeOf('STREAMCTL_TOPICS', 1000);
const LOG_MIB = sizeOf('STREAMCTL_LOG_MIB', 1024);
/** What a start leaves for later (looks at its logs, code compiled) is over by then; the upkeep's first round at 30 s is not. */
const SETTLE_MS = sizeOf('STREAMCTL_SETTLE_MS', 10_000);
const IDLE_MS = sizeOf('STREAMCTL_IDLE_MS', 60_000);
const CLEAN_START_MS_MAX = 1000;
const KILLED_START_MS_MAX = 5000;
const IDLE_SHARE_MAX = 0.01;
const TICKS_PER_SECOND = 100;

describe('start-up', () => {
  it(`${TOPICS} topics after a clean stop, and idle`, async () => {
    await withFolder(async (folder) => {
      const directory = join(folder, 'data');
      const first = await startServe(directory);
      await makeTopics(first, TOPICS);
      assert.equal(await first.stop(), 0);
      const [serving, startMs] = await timed(() => startServe(directory));
      try {
        const atPort = cpuSeconds(serving);
        await sleep(SETTLE_MS);
        const before = cpuSeconds(serving);
        const settleCpuSeconds = round(before - atPort);
        await sleep(IDLE_MS);
        const idleShare = (cpuSeconds(serving) - before) / (IDLE_MS / 1000);
        const log = await streamctl(['consume', `t${TOPICS - 1}`, '-e', '-b', serving.bootstrap]);
        assert.equal(log.stdout.toString(), `${TOPICS - 1}\n`);
        report(LANE, { topics: TOPICS, startMs, settleCpuSeconds, idleShare: round(idleShare), ...held(serving) });
        assert.ok(startMs <= CLEAN_START_MS_MAX, `${startMs} ms to the port`);
        assert.ok(idleShare < IDLE_SHARE_MAX, `${idleShare} of a core while idle`);
      } finally {
        await serving.kill();
      }
    });
  }).timeout(180_000 + SETTLE_MS + IDLE_MS);

  for (const durability of ['ack', 'os'] as const) {
    it(`${LOG_MIB} MiB of log after kill -9 (${durability})`, async () => {
      await withFolder(async (folder) => {
        const directory = join(folder, 'data');
        const first = await startServe(directory, '--durability', durability);
        const produced = await produceMuch(first, LOG_MIB);
        await first.kill();
        const [serving, portMs] = await timed(() => startServe(directory));
        try {
          const [log, readMs] = await timed(() =>
            streamctl(['consume', 't', '-o', '-1', '-c', '1', '-b', serving.bootstrap]),
          );
          assert.equal(log.status, 0, log.stderr);
          const startMs = portMs + readMs;
          report(LANE, {
            durability,
            logMiB: LOG_MIB,
            producedLines: produced,
            portMs,
            firstReadMs: readMs,
            ...held(serving),
          });
          assert.ok(startMs <= KILLED_START_MS_MAX, `${startMs} ms to the first read`);
        } finally {
          await serving.kill();
        }
      });
    }).timeout(240_000);
  }
});

async function makeTopics(serving: Serving, count: number): Promise<void> {
  const producer = await RawProducer.open(serving.bootstrap);
  const names = Array.from({ length: count }, (_, at) => `t${at}`);
  const topic = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
  for (let at = 0; at < count; at += 100) {
    const topics = names.slice(at, at + 100).map((name) => ({ name, ...topic }));
    const made = await producer.request(CreateTopics, 7, { topics, timeoutMs: 60_000, validateOnly: false });
    for (const { errorCode } of made.topics) assert.equal(errorCode, 0);
  }
  for (let at = 0; at < count; at += 100) {
    const topicData = names.slice(at, at + 100).map((name, index) => ({
      name,
      partitionData: [{ index: 0, records: [batchOf([Buffer.from(`${at + index}`)], NO_PRODUCER, -1)] }],
    }));
    const request = { transactionalId: null, acks: -1, timeoutMs: 60_000, topicData };
    const answer = await producer.request(Produce, 9, request);
    for (const { partitionResponses } of answer.responses) assert.equal(partitionResponses[0]?.errorCode, 0);
  }
  producer.close();
}

async function produceMuch(serving: Serving, mebibytes: number): Promise<number> {
  const args = [STREAMCTL, 'produce', 't', '--create', '-b', serving.bootstrap];
  const child = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
  const left = ended(child);
  const line = `${'x'.repeat(999)}\n`;
  const chunk = Buffer.from(line.repeat(1024));
  const chunks = Math.ceil((mebibytes * 1024 * 1024) / chunk.length);
  for (let at = 0; at < chunks; at++) {
    if (!child.stdin.write(chunk)) await new Promise((resolve) => child.stdin.once('drain', resolve));
  }
  child.stdin.end();
  const { status, stderr } = await left;
  assert.equal(status, 0, stderr);
  return chunks * 1024;
}

async function timed<T>(action: () => Promise<T>): Promise<[T, number]> {
  const beganMs = performance.now();
  const value = await action();
  return [value, Math.round(performance.now() - beganMs)];
}

function held(serving: Serving): Record<string, number> {
  const status = readFileSync(`/proc/${serving.process.pid}/status`, 'latin1');
  const rssKiB = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  return { rssMiB: Math.round(rssKiB / 1024), descriptors: readdirSync(`/proc/${serving.process.pid}/fd`).length };
}

/** User and system time of the process and its threads so far. */
function cpuSeconds(serving: Serving): number {
  const stat = readFileSync(`/proc/${serving.process.pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function round(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}

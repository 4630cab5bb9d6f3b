/** Compacted topics with librdkafka as producer and consumer, and Kafka's own tool over the files that compaction leaves. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { faultsFoundByKafka } from './dump-log.ts';
import { kafkaJars } from './kafka-jars.ts';
import { kcat, run } from './peers.ts';
import { need } from './suite.ts';

const KEYS = 300;
const LINES = 30_000;
const CONFIGS = ['cleanup.policy=compact', 'segment.bytes=1048576', 'min.cleanable.dirty.ratio=0.01'];
const TRIES_MAX = 60;

/** `key<n>:value` lines, some of them without a value, which kcat -Z makes tombstones of; and what is the state after them. */
function load(): { readonly input: string; readonly state: ReadonlyMap<string, string> } {
  const state = new Map<string, string>();
  const lines: string[] = [];
  for (let index = 0; index < LINES; index++) {
    const key = `key${(index * 7) % KEYS}`;
    const value = index % 11 === 3 ? '' : `${index}-${randomBytes(40).toString('hex')}`;
    if (value === '') state.delete(key);
    else state.set(key, value);
    lines.push(`${key}:${value}\n`);
  }
  return { input: lines.join(''), state };
}

/** What a consumer made of the topic: the state, and how many records it saw. */
function judge(text: string): { readonly count: number; readonly state: ReadonlyMap<string, string> } {
  const state = new Map<string, string>();
  const lines = text.split('\n').slice(0, -1);
  for (const line of lines) {
    const colon = line.indexOf(':');
    const [key, value] = [line.slice(0, colon), line.slice(colon + 1)];
    if (value === '') state.delete(key);
    else state.set(key, value);
  }
  return { count: lines.length, state };
}

function lastBase(folder: string): number {
  const names = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return Math.max(...names.map((name) => Number(name.slice(0, 20))));
}

function sorted(state: ReadonlyMap<string, string>): string[] {
  return [...state].map(([key, value]) => `${key}:${value}`).sort();
}

describe('compacted topics of librdkafka', () => {
  before(function () {
    need(this, () => {
      kcat();
      kafkaJars();
    });
  });

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    it(`${codec}: librdkafka and we read the same state, and Kafka finds nothing wrong in the files`, () =>
      withFolder(async (folder) => {
        const directory = join(folder, 'data');
        const serving = await startServe(directory, '-X', 'log.cleaner.backoff.ms=50');
        try {
          const { bootstrap } = serving;
          const flags = CONFIGS.flatMap((config) => ['--config', config]);
          const created = await streamctl(['topics', 'create', 't', '-b', bootstrap, ...flags]);
          assert.equal(created.status, 0, created.stderr);
          const { input, state } = load();
          const args = [
            '-P',
            '-b',
            bootstrap,
            '-t',
            't',
            '-K',
            ':',
            '-Z',
            '-z',
            codec,
            '-X',
            'enable.idempotence=true',
          ];
          const produced = await run(kcat(), args, input);
          assert.equal(produced.status, 0, produced.stderr);
          const format = '%k:%s\\n';
          for (let tries = 0; ; tries++) {
            const ours = await streamctl(['consume', 't', '-e', '-b', bootstrap, '-f', format]);
            const theirs = await run(kcat(), [
              '-C',
              '-b',
              bootstrap,
              '-t',
              't',
              '-e',
              '-q',
              '-f',
              format,
              '-X',
              'check.crcs=true',
            ]);
            const [mine, other] = [judge(ours.stdout.toString()), judge(theirs.stdout.toString())];
            assert.deepEqual(sorted(mine.state), sorted(state));
            assert.deepEqual(sorted(other.state), sorted(state));
            // The last segment stays as it is.
            const active = lastBase(join(directory, 'brokers/1/log/t-0'));
            if (active > 0 && other.count <= LINES - active + KEYS) break;
            assert.ok(tries < TRIES_MAX, `${other.count} records are left`);
          }
        } catch (error) {
          await serving.kill();
          throw error;
        }
        assert.equal(await serving.stop(), 0);
        assert.deepEqual(await faultsFoundByKafka(join(directory, 'brokers/1/log'), { compacted: true }), []);
        const verified = await streamctl(['log', 'verify', directory]);
        assert.equal(verified.status, 0, verified.stdout.toString());
      }));
  }
});

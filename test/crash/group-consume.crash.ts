/**
 * kill -9 of `consume --group` at random moments under load, its output a file, a pipe or a full device: no record is lost, and repeats
 * begin behind the last commit. Each output line is a partition and an offset, so what is missing or twice is seen at once. The same is
 * done to `kcat -G`, whose losses are counted and not judged. STREAMCTL_GROUP_KILLS kills of each kind (200 in all is what a release
 * must pass); the members are classic and of KIP-848 in turns.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kcat } from '../clients/peers.ts';
import { need } from '../clients/suite.ts';
import { cleanEnvironment, STREAMCTL, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { between, report, sizeOf } from './lanes.ts';
import { feed } from './paced-input.ts';

const KILLS = sizeOf('STREAMCTL_GROUP_KILLS', 6);
const LIFE_MS = [400, 2_600] as const;
const FORMAT = '%p %o\\n';
const PARTITIONS = 3;

type Sink = 'file' | 'pipe';
/** By partition, in the order in which they were written. */
type Seen = Map<number, number[]>;

interface Reader {
  /** Its run of that number; `exitsAtEnd`: reads what there is, and ends. */
  start(number: number, exitsAtEnd: boolean, options: SpawnOptions): ChildProcess;
}

describe(`kill -9 of consume --group, ${KILLS} kills each`, function () {
  this.timeout(120_000 + KILLS * 30_000);

  for (const sink of ['file', 'pipe'] as const) {
    it(`brokerless, into a ${sink}`, () =>
      withFolder(async (folder) => {
        const directory = join(folder, 'data');
        const result = await killReaders(folder, directory, sink, ours(directory));
        report('group-consume', { reader: 'streamctl', place: 'brokerless', sink, ...result });
        assert.equal(result.lost, 0);
      }));

    it(`beside serve, into a ${sink}`, () =>
      withFolder(async (folder) => {
        const directory = join(folder, 'data');
        const serving = await startServe(directory);
        try {
          const result = await killReaders(folder, directory, sink, ours(directory));
          report('group-consume', { reader: 'streamctl', place: 'serve', sink, ...result });
          assert.equal(result.lost, 0);
        } finally {
          await serving.stop();
        }
      }));

    it(`kcat -G for comparison, into a ${sink}`, async function () {
      need(this, kcat);
      const program = kcat();
      await withFolder(async (folder) => {
        const directory = join(folder, 'data');
        const serving = await startServe(directory);
        try {
          const result = await killReaders(folder, directory, sink, theirs(program, serving.bootstrap));
          report('group-consume', { reader: 'kcat', place: 'serve', sink, ...result });
        } finally {
          await serving.stop();
        }
      });
    });
  }

  it('a full device is told, and nothing is committed for it', () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      const lines = Array.from({ length: 5_000 }, (_, index) => `${index}\n`).join('');
      assert.equal((await streamctl(['produce', 't', '--create', '--dir', directory], { input: lines })).status, 0);
      for (let number = 0; number < KILLS; number++) {
        const full = openSync('/dev/full', 'w');
        const reader = ours(directory).start(number, true, { stdio: ['ignore', full, 'ignore'] });
        closeSync(full);
        assert.equal(await gone(reader), 1);
      }
      const rest = await streamctl(['consume', 't', '-g', 'g', '-e', '--dir', directory]);
      assert.equal(rest.stdout.toString(), lines);
      report('group-consume', { reader: 'streamctl', sink: '/dev/full', runs: KILLS, lost: 0 });
    }));
});

function ours(directory: string): Reader {
  return {
    start: (number, exitsAtEnd, options) => {
      const protocol = number % 2 === 0 ? 'consumer' : 'classic';
      const args = ['consume', 't', '-g', 'g', '--group-protocol', protocol, '-f', FORMAT, '--dir', directory];
      return spawn(process.execPath, [STREAMCTL, ...args, ...(exitsAtEnd ? ['-e'] : [])], {
        env: cleanEnvironment(),
        ...options,
      });
    },
  };
}

function theirs(program: string, bootstrap: string): Reader {
  const settings = ['session.timeout.ms=6000', 'auto.commit.interval.ms=1000', 'auto.offset.reset=earliest'];
  const flags = settings.flatMap((setting) => ['-X', setting]);
  return {
    start: (_number, exitsAtEnd, options) =>
      spawn(program, ['-b', bootstrap, '-q', ...flags, '-f', FORMAT, ...(exitsAtEnd ? ['-e'] : []), '-G', 'g', 't'], {
        ...options,
      }),
  };
}

interface Result {
  readonly kills: number;
  readonly records: number;
  readonly lost: number;
  readonly repeated: number;
}

async function killReaders(folder: string, directory: string, sink: Sink, reader: Reader): Promise<Result> {
  const made = await streamctl(['topics', 'create', 't', '--partitions', String(PARTITIONS), '--dir', directory]);
  assert.equal(made.status, 0, made.stderr);
  const producers = Array.from({ length: PARTITIONS }, (_, partition) => produce(directory, partition));
  const seen: Seen = new Map();
  for (let number = 0; number < KILLS; number++) {
    const run = await readFor(reader, number, folder, sink, between(...LIFE_MS));
    addRun(seen, run);
  }
  for (const producer of producers) await producer.stop();
  const output = join(folder, 'last');
  const file = openSync(output, 'w');
  const last = reader.start(KILLS, true, { stdio: ['ignore', file, 'inherit'] });
  closeSync(file);
  assert.equal(await gone(last), 0);
  addRun(seen, readFileSync(output, 'latin1'));
  return await judge(directory, seen);
}

function produce(directory: string, partition: number): { stop(): Promise<void> } {
  const args = ['produce', 't', '-p', String(partition), '-q', '--dir', directory];
  const child = spawn(process.execPath, [STREAMCTL, ...args], {
    env: cleanEnvironment(),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  assert.ok(child.stdin);
  const feeding = feed(child.stdin, `p${partition}`, { linesPerTick: 20, tickMs: 10, ticks: Number.MAX_SAFE_INTEGER });
  return {
    async stop() {
      feeding.stop();
      assert.equal(await gone(child), 0);
    },
  };
}

/** What the reader put out until it was killed. */
async function readFor(reader: Reader, number: number, folder: string, sink: Sink, lifeMs: number): Promise<string> {
  const output = join(folder, `out-${number}`);
  const target = sink === 'file' ? openSync(output, 'w') : 'pipe';
  const child = reader.start(number, false, { stdio: ['ignore', target, 'ignore'] });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (typeof target === 'number') closeSync(target);
  const ending = gone(child);
  await new Promise((resolve) => setTimeout(resolve, lifeMs));
  child.kill('SIGKILL');
  await ending;
  return sink === 'file' ? readFileSync(output, 'latin1') : Buffer.concat(chunks).toString('latin1');
}

/** A line that was cut off by the kill is left out. */
function addRun(seen: Seen, text: string): void {
  const run: Seen = new Map();
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    if (line === '') continue;
    const [partition = -1, offset = -1] = line.split(' ').map(Number);
    append(run, partition, offset);
  }
  for (const [partition, offsets] of run) {
    for (const [index, offset] of offsets.entries()) {
      const before = offsets[index - 1];
      assert.ok(before === undefined || offset === before + 1, `${partition}: ${before}, then ${offset} in one run`);
      append(seen, partition, offset);
    }
  }
}

function append(seen: Seen, partition: number, offset: number): void {
  const offsets = seen.get(partition);
  if (offsets === undefined) seen.set(partition, [offset]);
  else offsets.push(offset);
}

async function judge(directory: string, seen: Seen): Promise<Result> {
  const all = await streamctl(['consume', 't', '-e', '-f', FORMAT, '--dir', directory]);
  assert.equal(all.status, 0, all.stderr);
  const wanted = new Set(all.stdout.toString().trimEnd().split('\n'));
  const found = [...seen].flatMap(([partition, offsets]) => offsets.map((offset) => `${partition} ${offset}`));
  const distinct = new Set(found);
  for (const each of distinct) assert.ok(wanted.has(each), `nobody wrote ${each}`);
  return {
    kills: KILLS,
    records: wanted.size,
    lost: wanted.size - distinct.size,
    repeated: found.length - distinct.size,
  };
}

function gone(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', resolve));
}

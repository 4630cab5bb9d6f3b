/**
 * A flipped bit in a file of a directory that was closed: the directory is copied, one bit of one file is turned over, and it is
 * served. Every answer that a reader gets, kcat without CRC checks and our own consumer, must be what was written: the flip is
 * harmless, repaired or refused, and never served. STREAMCTL_FLIPS runs, over every kind of file in turn.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { ended, type Serving, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { notRun, report, sizeOf } from './lanes.ts';

const LANE = 'flips';
const FLIPS = sizeOf('STREAMCTL_FLIPS', 60);
const TOPICS = ['one', 'two'] as const;
const LINES = 4000;
const SEGMENT_BYTES = 1024 * 1024;

type Outcome = 'harmless' | 'repaired' | 'refused' | 'served';
type Counts = Record<Outcome, number>;

describe('flipped bits', () => {
  it(`${FLIPS}, in every kind of file`, async function () {
    if (spawnSync('kcat', ['-V']).error !== undefined) notRun(this, LANE, 'kcat is not installed');
    await withFolder(async (folder) => {
      const master = join(folder, 'master');
      await make(master);
      const filesByKind = kindsIn(master);
      const kinds = [...filesByKind.keys()];
      const table = new Map<string, Counts>();
      const served: string[] = [];
      for (let flip = 0; flip < FLIPS; flip++) {
        const kind = kinds[flip % kinds.length] ?? '';
        const files = filesByKind.get(kind) ?? [];
        const file = files[Math.floor(Math.random() * files.length)] ?? '';
        const directory = join(folder, 'flipped');
        cpSync(master, directory, { recursive: true, preserveTimestamps: true });
        const where = turnOver(join(directory, file));
        const outcome = await judge(directory, join(directory, file));
        const counts = table.get(kind) ?? { harmless: 0, repaired: 0, refused: 0, served: 0 };
        counts[outcome] += 1;
        table.set(kind, counts);
        if (outcome === 'served') served.push(`${file} byte ${where.position} bit ${where.bit}`);
        rmSync(directory, { recursive: true, force: true });
      }
      for (const [kind, counts] of table) report(LANE, { kind, ...counts });
      report(LANE, { flips: FLIPS, kinds: kinds.length, served: served.length });
      assert.deepEqual(served, []);
    });
  }).timeout(60_000 + FLIPS * 20_000);
});

/** Topics of several segments, written in two lives, closed cleanly. */
async function make(directory: string): Promise<void> {
  for (const part of [0, 1]) {
    const serving = await startServe(directory);
    for (const topic of TOPICS) {
      if (part === 0) {
        const config = ['--config', `segment.bytes=${SEGMENT_BYTES}`];
        const made = await streamctl(['topics', 'create', topic, '-b', serving.bootstrap, ...config]);
        assert.equal(made.status, 0, made.stderr);
      }
      const input = expectedLines(topic).slice((part * LINES) / 2, ((part + 1) * LINES) / 2);
      const done = await streamctl(['produce', topic, '-b', serving.bootstrap], { input: `${input.join('\n')}\n` });
      assert.equal(done.status, 0, done.stderr);
    }
    assert.equal(await serving.stop(), 0);
  }
}

function expectedLines(topic: string): string[] {
  return Array.from({ length: LINES }, (_, at) => `${topic} ${at} `.padEnd(500, '.'));
}

function kindsIn(directory: string): Map<string, string[]> {
  const kinds = new Map<string, string[]>();
  const visit = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const stat = statSync(path);
      if (stat.isDirectory()) visit(path);
      else if (stat.isFile() && stat.size > 0) {
        const kind = basename(path)
          .replace(/^\d{20}/, '<base>')
          .replace(/^snapshot-\d+/, 'snapshot-<n>');
        kinds.set(kind, [...(kinds.get(kind) ?? []), relative(directory, path)]);
      }
    }
  };
  visit(directory);
  return kinds;
}

function turnOver(path: string): { position: number; bit: number } {
  const bytes = readFileSync(path);
  const position = Math.floor(Math.random() * bytes.length);
  const bit = Math.floor(Math.random() * 8);
  bytes.writeUInt8(bytes.readUInt8(position) ^ (1 << bit), position);
  writeFileSync(path, bytes);
  return { position, bit };
}

async function judge(directory: string, file: string): Promise<Outcome> {
  const flipped = readFileSync(file);
  let serving: Serving;
  try {
    serving = await startServe(directory);
  } catch {
    return 'refused';
  }
  let outcome: Outcome = 'harmless';
  try {
    for (const topic of TOPICS) {
      const expected = Buffer.from(`${expectedLines(topic).join('\n')}\n`);
      for (const read of [readByKcat, readByUs]) {
        const { status, stdout } = await read(topic, serving.bootstrap);
        // What comes before an error was served all the same.
        if (!expected.subarray(0, stdout.length).equals(stdout)) return 'served';
        // An end that comes early and is told as the end of the topic hides what was there.
        if (stdout.length < expected.length && status === 0) return 'served';
        if (stdout.length < expected.length) outcome = 'refused';
      }
    }
  } finally {
    await serving.kill();
  }
  if (outcome === 'refused') return outcome;
  const there = statSync(file, { throwIfNoEntry: false });
  return there !== undefined && readFileSync(file).equals(flipped) ? 'harmless' : 'repaired';
}

function readByUs(topic: string, bootstrap: string) {
  return streamctl(['consume', topic, '-e', '-b', bootstrap, '--timeout', '5s']);
}

/** Ends with another status than 0 also when it met an error of the partition and said so. */
async function readByKcat(topic: string, bootstrap: string) {
  const args = ['-C', '-b', bootstrap, '-t', topic, '-o', 'beginning', '-e', '-q', '-X', 'check.crcs=false'];
  const child = spawn('kcat', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const limit = setTimeout(() => child.kill('SIGKILL'), 8000);
  const left = await ended(child);
  clearTimeout(limit);
  return { status: left.status === 0 && left.stderr === '' ? 0 : 1, stdout: left.stdout };
}

/**
 * Errors of single system calls, set in by strace under serve: a sync that fails, writes that find no room, and a disk that
 * takes its time. Reads go on, nothing is acked after a failed sync, and the next start has what was acked. (Real short writes are
 * in full-disk.crash.ts: a write whose count alone is forged leaves bytes unwritten, which no disk does.)
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cleanEnvironment, STREAMCTL, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { notRun, report, sizeOf } from './lanes.ts';

const LANE = 'injected';
const ROUNDS = sizeOf('STREAMCTL_INJECTED', 1);
const SLOW_SYNC_MS = 6000;

interface Traced {
  readonly bootstrap: string;
  /** SIGTERM to serve itself, then its exit status. */
  stop(): Promise<number | null>;
  stderr(): string;
}

describe('system calls that fail', () => {
  before(function () {
    const tried = spawnSync('strace', ['-f', '-o', '/dev/null', 'true'], { encoding: 'utf8' });
    if (tried.error !== undefined || tried.status !== 0) notRun(this, LANE, 'strace cannot trace here');
  });

  it('a sync: nothing is acked any more, and all that was is there after a start', () =>
    rounds(async (directory) => {
      await produceBefore(directory);
      const serving = await traced(directory, 'fdatasync:error=EIO:when=1+', logOf(directory));
      const refused = await produce(serving.bootstrap, 'b\n');
      assert.notEqual(refused.status, 0);
      const again = await produce(serving.bootstrap, 'c\n');
      assert.notEqual(again.status, 0, 'a second sync would succeed, and prove nothing');
      assert.match(await read(serving.bootstrap), /^a\n/);
      assert.equal((serving.stderr().match(/EIO/g) ?? []).length, 1, `told once: ${serving.stderr()}`);
      await serving.stop();
      return afterwards(directory, /^a\n(b\n|c\n)*after\n$/);
    })).timeout(ROUNDS * 60_000);

  it('writes without room: refused, and taken when there is room, without a restart', () =>
    rounds(async (directory) => {
      await produceBefore(directory);
      const serving = await traced(directory, 'pwritev,pwrite64,pwritev2:error=ENOSPC:when=1..3', logOf(directory));
      const done = await produce(serving.bootstrap, 'b\n', '20s');
      assert.equal(done.status, 0, `tried again until there is room: ${done.stderr}`);
      assert.equal(await read(serving.bootstrap), 'a\nb\n');
      assert.equal(await serving.stop(), 0);
      return afterwards(directory, /^a\nb\nafter\n$/);
    })).timeout(ROUNDS * 60_000);

  it('a write error: the log goes offline, and what was acked is read', () =>
    rounds(async (directory) => {
      await produceBefore(directory);
      const serving = await traced(directory, 'pwritev,pwrite64,pwritev2:error=EIO:when=1', logOf(directory));
      assert.notEqual((await produce(serving.bootstrap, 'b\n')).status, 0);
      assert.notEqual((await produce(serving.bootstrap, 'c\n')).status, 0);
      assert.equal(await read(serving.bootstrap), 'a\n');
      await serving.stop();
      return afterwards(directory, /^a\nafter\n$/);
    })).timeout(ROUNDS * 60_000);

  it('syncs that take six seconds: acked late, and never before', () =>
    rounds(async (directory) => {
      await produceBefore(directory);
      const delay = `fdatasync:delay_enter=${SLOW_SYNC_MS * 1000}:when=1`;
      const serving = await traced(directory, delay, logOf(directory));
      const beganMs = performance.now();
      const done = await produce(serving.bootstrap, 'b\n', '30s');
      const tookMs = performance.now() - beganMs;
      assert.equal(done.status, 0, done.stderr);
      assert.ok(tookMs >= SLOW_SYNC_MS, `acked after ${tookMs} ms`);
      assert.equal(await serving.stop(), 0);
      return { ...(await afterwards(directory, /^a\nb\nafter\n$/)), ackedAfterMs: Math.round(tookMs) };
    })).timeout(ROUNDS * 60_000);
});

async function rounds(action: (directory: string) => Promise<Record<string, unknown>>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await withFolder(async (folder) => report(LANE, { round, ...(await action(join(folder, 'data'))) }));
  }
}

function logOf(directory: string): string {
  return join(directory, 'brokers', '1', 'log', 't-0', '00000000000000000000.log');
}

async function produceBefore(directory: string): Promise<void> {
  const done = await streamctl(['produce', 't', '--create', '--dir', directory], { input: 'a\n' });
  assert.equal(done.status, 0, done.stderr);
}

function produce(bootstrap: string, input: string, timeout = '3s') {
  return streamctl(['produce', 't', '-b', bootstrap, '--timeout', timeout], { input });
}

async function read(bootstrap: string): Promise<string> {
  const log = await streamctl(['consume', 't', '-e', '-b', bootstrap]);
  assert.equal(log.status, 0, log.stderr);
  return log.stdout.toString();
}

async function afterwards(directory: string, expected: RegExp): Promise<Record<string, unknown>> {
  const serving = await startServe(directory);
  const done = await produce(serving.bootstrap, 'after\n');
  assert.equal(done.status, 0, done.stderr);
  const seen = await read(serving.bootstrap);
  assert.match(seen, expected);
  assert.equal(await serving.stop(), 0);
  return { seen: seen.split('\n').length - 1 };
}

/** serve under strace, which sets `inject` in for system calls on `path`. */
function traced(directory: string, inject: string, path: string): Promise<Traced> {
  const calls = inject.slice(0, inject.indexOf(':'));
  const strace = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${inject}`, '-P', path];
  const serve = [STREAMCTL, 'serve', '--dir', directory, '--listen', '127.0.0.1:0', '--ready-fd', '3'];
  const child = spawn('strace', [...strace, process.execPath, ...serve], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const gone = new Promise<number | null>((resolve) => child.once('close', (status) => resolve(status)));
  return new Promise((resolve, reject) => {
    let ready = '';
    const channel = child.stdio[3];
    if (channel && 'on' in channel) {
      channel.on('data', (chunk: Buffer) => {
        ready += chunk.toString();
        const bootstrap = /127\.0\.0\.1:\d+/.exec(ready)?.[0];
        if (bootstrap === undefined || !ready.includes('\n')) return;
        const stop = (): Promise<number | null> => {
          process.kill(childOf(child), 'SIGTERM');
          return gone;
        };
        resolve({ bootstrap, stop, stderr: () => stderr });
      });
    }
    void gone.then((status) => reject(new Error(`serve ended with ${status}: ${stderr}`)));
  });
}

/** The process that strace runs. */
function childOf(strace: ChildProcess): number {
  const found = spawnSync('ps', ['-o', 'pid=', '--ppid', String(strace.pid)], { encoding: 'utf8' });
  const pid = Number(found.stdout.trim().split(/\s+/)[0]);
  assert.ok(Number.isInteger(pid) && pid > 0, 'strace has a child');
  return pid;
}

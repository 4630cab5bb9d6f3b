import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRandom } from '../../src/cli/real-clock.ts';
import type { FolderIdentity } from '../../src/disk/lock-folder.ts';
import { type HeartbeatEvents, type HeartbeatThread, nodeLock } from '../../src/disk/node-lock.ts';
import type { Clock, HeldLock } from '../../src/kernel/env.ts';
import { type BundledChild, bundledChild } from '../cli/bundled-child.ts';

let skippedMs = 0;
/** The real clock, but a test may skip what nothing happens in. */
const clock: Clock = { ...realClock(), monotonicMs: () => performance.now() + skippedMs };
const STALE_MS = 4000;

async function until(condition: () => boolean, limitMs = 10_000): Promise<void> {
  const deadlineMs = clock.monotonicMs() + limitMs;
  while (!condition()) {
    assert.ok(clock.monotonicMs() < deadlineMs, 'in time');
    await clock.sleep(10);
  }
}

/** A process that wants the lock. */
class Holder {
  readonly process: ChildProcess;
  readonly said: string[] = [];

  constructor(program: string, path: string, thread: 'thread' | 'alone') {
    const args = [program, path, String(STALE_MS), thread];
    this.process = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    this.process.stdout?.on('data', (chunk: Buffer) => {
      text += chunk;
      this.said.splice(0, Number.POSITIVE_INFINITY, ...text.split('\n').slice(0, -1));
    });
  }

  async hears(line: string, answer: RegExp): Promise<string> {
    const from = this.said.length;
    this.process.stdin?.write(`${line}\n`);
    await until(() => this.said.slice(from).some((each) => answer.test(each)));
    return this.said.slice(from).find((each) => answer.test(each)) as string;
  }

  async begins(): Promise<string> {
    await until(() => this.said.length > 0);
    return this.said[0] as string;
  }

  async ended(): Promise<number | null> {
    await until(() => this.process.exitCode !== null || this.process.signalCode !== null);
    return this.process.exitCode;
  }
}

describe('nodeLock', () => {
  let folder = '';
  let path = '';
  let program: BundledChild;
  const holders: Holder[] = [];
  const held: HeldLock[] = [];

  const lock = nodeLock({
    clock,
    random: realRandom(),
    heartbeatThread: async () => undefined,
  });

  before(() => {
    program = bundledChild({ file: 'test/disk/lock-holder.ts' });
  });
  after(() => program.remove());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streamctl-lock-'));
    path = join(folder, 'alive.lock');
  });
  afterEach(async () => {
    for (const holder of holders.splice(0)) holder.process.kill('SIGKILL');
    for (const each of held.splice(0)) await each.release();
    rmSync(folder, { recursive: true });
  });

  async function acquire(
    onCompromised: (error: Error) => void = (error) => assert.fail(error),
  ): Promise<HeldLock | undefined> {
    const got = await lock.acquire(path, { staleMs: STALE_MS, onCompromised });
    if (got !== undefined) held.push(got);
    return got;
  }

  function holder(thread: 'thread' | 'alone' = 'alone'): Holder {
    const made = new Holder(program.path, path, thread);
    holders.push(made);
    return made;
  }

  it('is held by one at a time, and free after the release', async () => {
    const first = await acquire();
    assert.ok(first !== undefined);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.ok(clock.monotonicMs() - first.confirmedAtMs() < 1000);
    assert.equal(await acquire(), undefined);
    await first.release();
    await first.release();
    assert.deepEqual(readdirSync(folder), []);
    assert.ok((await acquire()) !== undefined);
  });

  it('refuses a staleness that its heartbeat cannot keep, and tells of a folder that is not there', async () => {
    await assert.rejects(lock.acquire(path, { staleMs: 2000, onCompromised: () => assert.fail() }), RangeError);
    path = join(folder, 'none', 'alive.lock');
    await assert.rejects(acquire(), { code: 'ENOENT' });
  });

  it('judges a stranger by standing still, not by the time it shows', async () => {
    mkdirSync(path);
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(path, old, old);
    assert.equal(await acquire(), undefined, 'an old time may be another clock');
    const future = new Date(Date.now() + 3_600_000);
    utimesSync(path, future, future);
    assert.equal(await acquire(), undefined);
    writeFileSync(join(path, 'something'), 'in the way');
    skippedMs += STALE_MS + 1;
    assert.equal(await acquire(), undefined, 'the write has changed the time once more');
    skippedMs += STALE_MS - 1000;
    assert.equal(await acquire(), undefined);
    skippedMs += 1001;
    assert.ok((await acquire()) !== undefined);
    assert.deepEqual(readdirSync(folder), ['alive.lock']);
  });

  it('moves aside the lock of an owner that is known to be dead', async () => {
    const dead = holder();
    assert.equal(await dead.begins(), 'held');
    dead.process.kill('SIGKILL');
    await dead.ended();
    assert.equal(await acquire(), undefined);
    await lock.breakDead(path);
    await lock.breakDead(path);
    assert.deepEqual(readdirSync(folder), []);
    assert.ok((await acquire()) !== undefined);
  });

  it('tells the owner whose lock was moved away, and leaves the new one alone', async () => {
    const errors: Error[] = [];
    const onCompromised = (error: Error): void => {
      errors.push(error);
    };
    const first = await acquire(onCompromised);
    await lock.breakDead(path);
    const second = await acquire();
    assert.ok(second !== undefined);
    await first?.release();
    assert.ok(existsSync(path), 'the release of one owner does not remove the lock of the next');
    assert.deepEqual(errors, []);
    await lock.breakDead(path);
    const third = await lock.acquire(path, { staleMs: STALE_MS, onCompromised });
    await lock.breakDead(path);
    mkdirSync(path);
    await until(() => errors.length === 1, 2500);
    assert.ok(existsSync(path));
    await third?.release();
    assert.ok(existsSync(path));
    held.length = 0;
  });

  it('removes its lock when the process exits, keeps the exit code, and spares a stranger', async () => {
    const orderly = holder();
    assert.equal(await orderly.begins(), 'held');
    orderly.process.stdin?.write('exit 7\n');
    assert.equal(await orderly.ended(), 7);
    assert.deepEqual(readdirSync(folder), []);

    const robbed = holder();
    assert.equal(await robbed.begins(), 'held');
    await lock.breakDead(path);
    mkdirSync(path);
    robbed.process.kill('SIGTERM');
    assert.equal(await robbed.ended(), null);
    assert.equal(robbed.process.signalCode, 'SIGTERM');
    assert.ok(existsSync(path));
  });

  it('beats from a thread after a second, also after a stop that nobody used, and not while the main loop hangs', async () => {
    const threaded = holder('thread');
    assert.equal(await threaded.begins(), 'held');
    const firstMs = statSync(path).mtimeMs;
    await until(() => statSync(path).mtimeMs > firstMs + 1500);
    threaded.process.kill('SIGSTOP');
    await clock.sleep(300);
    threaded.process.kill('SIGCONT');
    await clock.sleep(1100);
    assert.ok(Number((await threaded.hears('age', /^age/)).slice(4)) < 1300);
    assert.equal(threaded.said.includes('compromised'), false);

    threaded.process.stdin?.write('block 4000\n');
    // The main loop is missed after 2 s; the last heartbeat may have come just before.
    await clock.sleep(2600);
    const lastMs = statSync(path).mtimeMs;
    await clock.sleep(1200);
    assert.equal(statSync(path).mtimeMs, lastMs);
    assert.equal(await acquire(), undefined);
    skippedMs += STALE_MS;
    assert.ok((await acquire()) !== undefined);
    await until(() => threaded.said.includes('compromised'));
    await threaded.hears('release', /^released/);
    assert.ok(existsSync(path));
  });

  it('wakes as a former owner when the lock was taken while it was stopped', async () => {
    const stopped = holder('thread');
    assert.equal(await stopped.begins(), 'held');
    await clock.sleep(1200);
    stopped.process.kill('SIGSTOP');
    await lock.breakDead(path);
    assert.ok((await acquire()) !== undefined);
    stopped.process.kill('SIGCONT');
    await until(() => stopped.said.includes('compromised'), 2500);
    stopped.process.stdin?.write('exit 3\n');
    assert.equal(await stopped.ended(), 3);
    assert.ok(existsSync(path));
  });

  it('removes a lock that the thread keeps when the process exits', async () => {
    const threaded = holder('thread');
    assert.equal(await threaded.begins(), 'held');
    await clock.sleep(1300);
    threaded.process.stdin?.write('exit 4\n');
    assert.equal(await threaded.ended(), 4);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('takes the heartbeat back from a thread that is lost, and hears once from one that lost the lock', async () => {
    const adopted: { events: HeartbeatEvents; identity: FolderIdentity }[] = [];
    const thread: HeartbeatThread = {
      adopt: (_path, identity, _staleMs, events) => {
        adopted.push({ events, identity });
        return { stop: async () => undefined };
      },
    };
    // Timers of a second are due at once.
    const timer: Clock['timer'] = (_delayMs, action) => clock.timer(1, action);
    const options = { clock: { ...clock, timer }, random: realRandom(), heartbeatThread: async () => thread };
    const errors: Error[] = [];
    const got = await nodeLock(options).acquire(path, {
      staleMs: STALE_MS,
      onCompromised: (error) => {
        errors.push(error);
      },
    });
    assert.ok(got !== undefined);
    await until(() => adopted.length === 1);
    assert.equal(adopted[0]?.identity.inode, statSync(path).ino);
    const beganMs = clock.monotonicMs() + 5;
    adopted[0]?.events.beat(beganMs);
    assert.equal(got.confirmedAtMs(), beganMs);
    adopted[0]?.events.lost();
    await until(() => got.confirmedAtMs() > beganMs);
    assert.ok(existsSync(path));
    adopted[0]?.events.compromised(new Error('gone'));
    adopted[0]?.events.compromised(new Error('gone again'));
    assert.equal(errors.length, 1);
    await got.release();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('lets one of several processes in', async () => {
    const all = [holder(), holder(), holder()];
    const answers = await Promise.all(all.map((each) => each.begins()));
    assert.deepEqual(answers.sort(), ['held', 'taken', 'taken']);
  });
});

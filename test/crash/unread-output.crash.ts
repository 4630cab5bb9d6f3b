/** The first command in is the broker for all others, so whatever its own output does, the others must get through. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, STREAMCTL, streamctl, withFolder } from '../helpers/streamctl.ts';

const LINES = 100_000;
const LIMIT_MS = 10_000;

describe('the first command in is a consumer that', () => {
  it('writes into a pipe that nobody reads', () => othersGetThrough((directory) => startConsumer(directory)));

  it('writes to a terminal that nobody reads', function () {
    if (spawnSync('script', ['--version']).error) {
      process.stderr.write(
        '\nNOT RUN: script (util-linux) is not installed, so there is no terminal to leave unread\n',
      );
      return this.skip();
    }
    return othersGetThrough(async (directory) => {
      const command = `exec ${process.execPath} ${STREAMCTL} consume t --dir ${directory}`;
      const terminal = spawn('script', ['-q', '-c', command, '/dev/null'], {
        env: cleanEnvironment(),
        stdio: ['pipe', 'ignore', 'ignore'],
        detached: true,
      });
      await untilBroker(directory);
      // Its reader stops: from here on nobody reads the terminal.
      if (terminal.pid) process.kill(terminal.pid, 'SIGSTOP');
      return terminal;
    });
  });

  it('was stopped by Ctrl-Z', () =>
    othersGetThrough(async (directory) => {
      const consumer = await startConsumer(directory);
      consumer.kill('SIGTSTP');
      return consumer;
    }));
});

async function othersGetThrough(start: (directory: string) => Promise<ChildProcess>): Promise<void> {
  await withFolder(async (folder) => {
    const directory = join(folder, 'data');
    const text = Array.from({ length: LINES }, (_, at) => `line ${at + 1} ${'.'.repeat(80)}\n`).join('');
    const filled = await streamctl(['produce', 't', '--create', '--dir', directory], {
      input: text.slice(0, 2_000_000),
    });
    assert.equal(filled.status, 0, filled.stderr);
    const first = await start(directory);
    try {
      const from = Date.now();
      const produced = await streamctl(['produce', 'other', '--create', '--dir', directory], { input: text });
      assert.equal(produced.status, 0, produced.stderr);
      const consumed = await streamctl(['consume', 'other', '-e', '--dir', directory]);
      assert.equal(consumed.status, 0, consumed.stderr);
      assert.ok(consumed.stdout.equals(Buffer.from(text)), 'the same bytes');
      const tookMs = Date.now() - from;
      process.stdout.write(`      ${LINES} lines in and out in ${tookMs} ms\n`);
      assert.ok(tookMs < LIMIT_MS, `took ${tookMs} ms`);
    } finally {
      for (const pid of [ownerPid(directory), first.pid]) {
        if (pid !== undefined) endProcess(pid);
      }
    }
  });
}

async function startConsumer(directory: string): Promise<ChildProcess> {
  const consumer = spawn(process.execPath, [STREAMCTL, 'consume', 't', '--dir', directory], {
    env: cleanEnvironment(),
  });
  consumer.stdout.pause();
  await untilBroker(directory);
  return consumer;
}

/** Resolves when the record names a live owner that has not released the directory, and its output had time to fill up. */
async function untilBroker(directory: string): Promise<void> {
  for (let tries = 0; ownerPid(directory) === undefined; tries++) {
    assert.ok(tries < 200, 'the consumer became the broker');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
}

function ownerPid(directory: string): number | undefined {
  const path = join(directory, 'brokers', '1', 'owner.json');
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  const pid = /"pid":(\d+)/.exec(text)?.[1];
  if (pid === undefined || /"released":true/.test(text)) return undefined;
  try {
    process.kill(Number(pid), 0);
    return Number(pid);
  } catch {
    return undefined;
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had ended by itself.
  }
}

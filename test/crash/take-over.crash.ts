/**
 * Many commands on one directory with no server: they find each other, and when the one that is the broker is killed another takes over.
 * STREAMCTL_SECONDS (20) and STREAMCTL_KILLS (6) size the second test; 60 and 20 is what a release must pass.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, type Ended, ended, STREAMCTL, streamctl, withFolder } from '../helpers/streamctl.ts';
import { feed, pacedLine } from './paced-input.ts';

const SECONDS = Number(process.env['STREAMCTL_SECONDS'] ?? 20);
const KILLS = Number(process.env['STREAMCTL_KILLS'] ?? 6);
const TICK_MS = 50;
const LINES_PER_TICK = 20;
const PRODUCERS = 4;
const FOLLOWERS = 2;

interface Command {
  readonly name: string;
  readonly role: 'producer' | 'follower';
  readonly child: ChildProcess;
  readonly left: Promise<Ended>;
  readonly outputPath?: string;
  killed: boolean;
}

describe('commands that share a directory without a server', () => {
  it('four producers and two followers at once: all lines, none twice, in order for each producer', () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      assert.equal((await streamctl(['topics', 'create', 't', '--dir', directory])).status, 0);
      const count = 100_000;
      const names = Array.from({ length: PRODUCERS }, (_, at) => `p${at}`);
      const followers = Array.from({ length: FOLLOWERS }, (_, at) =>
        startFollower(directory, folder, `f${at}`, PRODUCERS * count),
      );
      const producers = await Promise.all(
        names.map((name) => {
          const lines = Array.from({ length: count }, (_, at) => `${name} ${at + 1}`);
          return streamctl(['produce', 't', '--dir', directory], { input: `${lines.join('\n')}\n` });
        }),
      );
      for (const producer of producers) assert.equal(producer.status, 0, producer.stderr);
      const log = (await consumeAll(directory)).trimEnd().split('\n');
      assert.equal(log.length, PRODUCERS * count);
      for (const name of names) {
        const own = log.filter((line) => line.startsWith(`${name} `));
        assert.ok(
          own.every((line, at) => line === `${name} ${at + 1}`),
          `lines of ${name} are all there in order`,
        );
      }
      for (const follower of followers) {
        const left = await follower.left;
        assert.equal(left.status, 0, left.stderr);
        assert.ok(readFileSync(outputOf(follower), 'utf8') === `${log.join('\n')}\n`, 'a follower printed the log');
      }
    })).timeout(300_000);

  it(`${KILLS} kills of whichever command is the broker in ${SECONDS} s`, () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      assert.equal((await streamctl(['topics', 'create', 't', '--dir', directory])).status, 0);
      const ticks = Math.ceil((SECONDS * 1000) / TICK_MS);
      // More than the producers can write: what is missing is filled up at the end, so that followers end by themselves.
      const total = (PRODUCERS + KILLS) * ticks * LINES_PER_TICK + 1000;
      const all: Command[] = [];
      let made = 0;
      const startRole = (role: Command['role']): Command => {
        const name = `${role === 'producer' ? 'p' : 'f'}${made++}`;
        const command =
          role === 'producer' ? startProducer(directory, name, ticks) : startFollower(directory, folder, name, total);
        all.push(command);
        return command;
      };
      for (let at = 0; at < PRODUCERS; at++) startRole('producer');
      for (let at = 0; at < FOLLOWERS; at++) startRole('follower');

      const killed = await killBrokers(directory, all, startRole);
      assert.equal(killed, KILLS, 'every kill met the command that was the broker');
      const producers = all.filter((command) => command.role === 'producer');
      for (const producer of producers) {
        const left = await producer.left;
        if (!producer.killed) assert.equal(left.status, 0, `${producer.name}: ${left.stderr}`);
      }
      await fillUp(directory, total);
      const log = await consumeAll(directory);
      checkProducers(producers, log.trimEnd().split('\n'), ticks * LINES_PER_TICK);
      await checkFollowers(all, log);
    })).timeout((SECONDS + 240) * 1000);
});

function startProducer(directory: string, name: string, ticks: number): Command {
  const child = spawn(process.execPath, [STREAMCTL, 'produce', 't', '--dir', directory], { env: cleanEnvironment() });
  feed(child.stdin, name, { linesPerTick: LINES_PER_TICK, tickMs: TICK_MS, ticks });
  return { name, role: 'producer', child, left: ended(child), killed: false };
}

function startFollower(directory: string, folder: string, name: string, count: number): Command {
  const outputPath = join(folder, `${name}.out`);
  const args = [STREAMCTL, 'consume', 't', '--dir', directory, '-c', String(count)];
  const child = spawn(process.execPath, args, {
    env: cleanEnvironment(),
    stdio: ['ignore', openSync(outputPath, 'wx'), 'pipe'],
  });
  return { name, role: 'follower', child, left: ended(child), outputPath, killed: false };
}

function outputOf(command: Command): string {
  assert.ok(command.outputPath);
  return command.outputPath;
}

async function killBrokers(
  directory: string,
  all: readonly Command[],
  startRole: (role: Command['role']) => Command,
): Promise<number> {
  let kills = 0;
  const pauseMs = (SECONDS * 1000) / (KILLS + 1);
  for (let at = 0; at < KILLS; at++) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.7 + Math.random() * 0.6)));
    const broker = await commandThatIsBroker(directory, all);
    if (!broker) continue;
    broker.killed = true;
    broker.child.kill('SIGKILL');
    kills++;
    startRole(broker.role);
  }
  return kills;
}

/** The command that the owner record names, looked for until one that lives is named. */
async function commandThatIsBroker(directory: string, all: readonly Command[]): Promise<Command | undefined> {
  for (let tries = 0; tries < 100; tries++) {
    const pid = ownerPid(directory);
    const found = all.find(
      (command) => command.child.pid === pid && !command.killed && command.child.exitCode === null,
    );
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return undefined;
}

function ownerPid(directory: string): number | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(join(directory, 'brokers', '1', 'owner.json'), 'utf8'));
    const pid = /"pid":(\d+)/.exec(JSON.stringify(record))?.[1];
    return pid === undefined ? undefined : Number(pid);
  } catch {
    return undefined;
  }
}

async function fillUp(directory: string, total: number): Promise<void> {
  const present = (await consumeAll(directory)).split('\n').length - 1;
  const filler = Array.from({ length: total - present }, (_, at) => `filler ${at + 1}`);
  const filled = await streamctl(['produce', 't', '--dir', directory], { input: `${filler.join('\n')}\n` });
  assert.equal(filled.status, 0, filled.stderr);
}

async function consumeAll(directory: string): Promise<string> {
  const consumed = await streamctl(['consume', 't', '-e', '--dir', directory]);
  assert.equal(consumed.status, 0, consumed.stderr);
  return consumed.stdout.toString();
}

function checkProducers(producers: readonly Command[], log: readonly string[], linesEach: number): void {
  for (const producer of producers) {
    const own = log.filter((line) => line.startsWith(`${producer.name} `));
    for (const [at, line] of own.entries()) {
      if (line !== pacedLine(producer.name, at + 1))
        assert.fail(`${producer.name}: line ${at + 1} is ${line.slice(0, 30)}`);
    }
    if (!producer.killed) assert.equal(own.length, linesEach, `${producer.name} exited 0: all its lines`);
  }
}

async function checkFollowers(all: readonly Command[], log: string): Promise<void> {
  for (const follower of all) {
    if (follower.role !== 'follower') continue;
    const left = await follower.left;
    const printed = readFileSync(outputOf(follower), 'utf8');
    if (follower.killed) {
      assert.ok(
        log.startsWith(printed.slice(0, printed.lastIndexOf('\n') + 1)),
        `${follower.name}: a prefix of the log`,
      );
      continue;
    }
    assert.equal(left.status, 0, `${follower.name}: ${left.stderr}`);
    assert.ok(printed === log, `${follower.name} printed what the log holds`);
  }
}

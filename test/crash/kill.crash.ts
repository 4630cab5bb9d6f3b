/**
 * kill -9 in the middle of a paced input: what was receipted is in the log, the log is a prefix of the input, nothing is there twice,
 * and the exit codes told the truth. STREAMCTL_ROUNDS rounds of each kind (50 is the size that a release must pass).
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { faultsFoundByKafka } from '../clients/dump-log.ts';
import { kafkaJars } from '../clients/kafka-jars.ts';
import { need } from '../clients/suite.ts';
import { cleanEnvironment, ended, STREAMCTL, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { feed, histogram, lastReceipt, type Pace, pacedLine } from './paced-input.ts';

const ROUNDS = Number(process.env['STREAMCTL_ROUNDS'] ?? 5);
const PACE: Pace = { linesPerTick: 200, tickMs: 20, ticks: 260 };
const LINES = PACE.linesPerTick * PACE.ticks;

interface Round {
  /** Acked lines by the last receipt, as a share of all. */
  readonly acked: number;
}

describe(`kill -9, ${ROUNDS} rounds each`, () => {
  before(function () {
    need(this, kafkaJars);
  });

  it('of serve, under a producer that came by address', async () => {
    await manyRounds(killServe);
  }).timeout(ROUNDS * 40_000);

  it('of a brokerless produce', async () => {
    await manyRounds(killBrokerless);
  }).timeout(ROUNDS * 40_000);
});

async function manyRounds(round: (directory: string) => Promise<Round>): Promise<void> {
  const acked: number[] = [];
  for (let at = 0; at < ROUNDS; at++) {
    await withFolder(async (folder) => {
      const directory = join(folder, 'data');
      acked.push((await round(directory)).acked);
      assert.deepEqual(await faultsFoundByKafka(join(directory, 'brokers', '1', 'log')), []);
    });
  }
  const midway = acked.filter((fraction) => fraction > 0 && fraction < 1).length;
  process.stdout.write(`acked at the kill, of ${LINES} lines, ${midway} of ${ROUNDS} midway:\n${histogram(acked)}\n`);
  assert.ok(midway >= ROUNDS * 0.8, `${midway} of ${ROUNDS} kills fell midway`);
}

async function killServe(directory: string): Promise<Round> {
  const serving = await startServe(directory);
  const producer = startProducer(['-b', serving.bootstrap, '--timeout', '2s']);
  await killMidway(() => serving.kill());
  const left = await producer.finish();
  assert.equal(left.status, 6, `nobody answers: exit 6; it said ${left.stderr}`);
  const again = await startServe(directory);
  const log = await streamctl(['consume', 't', '-e', '-b', again.bootstrap]);
  assert.equal(log.status, 0, log.stderr);
  assert.equal(await again.stop(), 0);
  return checkPrefix(log.stdout.toString(), left.receipted);
}

async function killBrokerless(directory: string): Promise<Round> {
  const producer = startProducer(['--dir', directory]);
  await killMidway(async () => {
    producer.child.kill('SIGKILL');
  });
  const left = await producer.finish();
  assert.equal(left.signal, 'SIGKILL');
  const log = await streamctl(['consume', 't', '-e', '--dir', directory]);
  if (left.receipted === 0 && log.status === 5) return { acked: 0 };
  assert.equal(log.status, 0, log.stderr);
  return checkPrefix(log.stdout.toString(), left.receipted);
}

async function killMidway(kill: () => Promise<void>): Promise<void> {
  const spanMs = PACE.ticks * PACE.tickMs;
  await new Promise((resolve) => setTimeout(resolve, 600 + Math.random() * (spanMs - 1000)));
  await kill();
}

function startProducer(target: readonly string[]) {
  const args = [STREAMCTL, 'produce', 't', '--create', '--receipts', '3', ...target];
  const child = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
  let receipts = '';
  const channel = child.stdio[3];
  if (channel && 'on' in channel) {
    channel.on('data', (chunk: Buffer) => {
      receipts += chunk.toString();
    });
  }
  const left = ended(child);
  const feeding = feed(child.stdin, 'p', PACE);
  return {
    child,
    finish: async () => {
      const { status, signal, stderr } = await left;
      feeding.stop();
      return { status, signal, stderr, receipted: lastReceipt(receipts) };
    },
  };
}

/** The log must be the first lines of the input, each once, and all receipted ones among them. */
function checkPrefix(log: string, receipted: number): Round {
  const lines = log === '' ? [] : log.trimEnd().split('\n');
  for (const [at, line] of lines.entries()) {
    if (line !== pacedLine('p', at + 1)) assert.fail(`line ${at + 1} of the log is "${line.slice(0, 40)}"`);
  }
  assert.ok(lines.length >= receipted, `${receipted} lines were receipted, the log has ${lines.length}`);
  assert.ok(lines.length <= LINES);
  return { acked: receipted / LINES };
}

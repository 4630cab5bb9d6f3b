/**
 * A process that wants one lock. Arguments: path, how long a lock is stale (ms), with or without a thread. Says `held` or
 * `taken`, later `compromised`; obeys lines of standard input: `release`, `block <ms>` (the event loop stands still), `age`
 * (says how old the last confirmed heartbeat is), `exit <code>`.
 */
import { createInterface } from 'node:readline';
import { realClock, realRandom } from '../../src/cli/real-clock.ts';
import { heartbeatThreads } from '../../src/cli/real-heartbeat-thread.ts';
import { nodeLock } from '../../src/disk/node-lock.ts';

const [path = '', staleMs = '', thread = ''] = process.argv.slice(2);
const clock = realClock();
const threads = heartbeatThreads(clock, { debug: (message) => process.stderr.write(message) });
const lock = nodeLock({
  clock,
  random: realRandom(),
  heartbeatThread: thread === 'thread' ? threads : async () => undefined,
});

const say = (text: string): boolean => process.stdout.write(`${text}\n`);
async function main(): Promise<void> {
  const held = await lock.acquire(path, { staleMs: Number(staleMs), onCompromised: () => say('compromised') });
  say(held === undefined ? 'taken' : 'held');
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, value] = line.split(' ');
    if (command === 'release') {
      await held?.release();
      say('released');
    } else if (command === 'block') {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(value));
      say('unblocked');
    } else if (command === 'age') {
      say(`age ${Math.round(clock.monotonicMs() - (held?.confirmedAtMs() ?? 0))}`);
    } else if (command === 'exit') {
      process.exit(Number(value));
    }
  }
}

void main();

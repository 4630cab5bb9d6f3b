/** The worker thread that keeps this process's locks alive while its main loop turns. */
import { parentPort, workerData } from 'node:worker_threads';
import { LockFolder } from '../../disk/lock-folder.ts';
import { acquireProperLock, type ProperLock } from '../../disk/proper-lock.ts';
import { errorCodeOf } from '../../kernel/error-code.ts';
import { realRandom } from '../real-clock.ts';
import {
  type FromHeartbeatWorker,
  type HeartbeatWorkerData,
  sharedClockMs,
  type ToHeartbeatWorker,
} from '../real-heartbeat-messages.ts';

type Adopt = Extract<ToHeartbeatWorker, { kind: 'adopt' }>;

const { ticks } = workerData as HeartbeatWorkerData;
const tickView = new Int32Array(ticks);
const random = realRandom();
const stops = new Map<number, () => Promise<void>>();
let lastTick = Atomics.load(tickView, 0);
let lastTickMs = sharedClockMs();

parentPort?.on('message', (message: ToHeartbeatWorker) => {
  if (message.kind === 'adopt') void adopt(message);
  else void stop(message.id);
});
say({ kind: 'ready' });

/** Goes on with the heartbeat of a lock that the main thread holds. */
async function adopt(message: Adopt): Promise<void> {
  const { id, path, identity, staleMs } = message;
  const folder = new LockFolder({
    monotonicMs: sharedClockMs,
    uuid: random.uuid,
    isStale: () => false,
    mayBeat: () => mainLoopTurns(staleMs / 2),
    onBeat: (beganMs) => say({ kind: 'beat', id, beganMs }),
    adopt: identity,
  });
  const compromised = (error: Error): void => {
    stops.delete(id);
    say({ kind: 'compromised', id, error, code: errorCodeOf(error) });
  };
  // Known before the first await, so that a `stop` that follows at once finds it.
  const acquired = acquireProperLock(path, folder, staleMs, compromised).catch((error: unknown) => {
    compromised(error instanceof Error ? error : new Error(String(error)));
    return undefined;
  });
  stops.set(id, () => leave(folder, acquired));
  if ((await acquired) === undefined && stops.has(id)) compromised(new Error(`the lock ${path} is not ours any more`));
}

async function leave(folder: LockFolder, acquired: Promise<ProperLock | undefined>): Promise<void> {
  folder.leave();
  await (await acquired)?.stop();
  folder.forget();
}

async function stop(id: number): Promise<void> {
  const action = stops.get(id);
  stops.delete(id);
  // A lock that was compromised in the meantime is stopped already.
  await action?.().catch(() => undefined);
  say({ kind: 'stopped', id });
}

/** Has the main loop turned within the last `limitMs`? */
function mainLoopTurns(limitMs: number): boolean {
  const tick = Atomics.load(tickView, 0);
  const nowMs = sharedClockMs();
  if (tick !== lastTick) {
    lastTick = tick;
    lastTickMs = nowMs;
  }
  return nowMs - lastTickMs <= limitMs;
}

function say(message: FromHeartbeatWorker): void {
  parentPort?.postMessage(message);
}

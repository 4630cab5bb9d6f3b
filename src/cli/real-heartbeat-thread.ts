/** The main thread's side of the worker that keeps its locks alive. */
import type { Worker } from 'node:worker_threads';
import type { HeartbeatEvents, HeartbeatLease, HeartbeatThread } from '../disk/node-lock.ts';
import type { Clock, Log, Timer } from '../kernel/env.ts';
import {
  type FromHeartbeatWorker,
  type HeartbeatWorkerData,
  sharedClockMs,
  type ToHeartbeatWorker,
} from './real-heartbeat-messages.ts';
import { startWorker } from './real-worker-entry.ts';

/** The main loop shows this often that it turns. */
const TICK_MS = 400;

/** Answers the one thread of this process, undefined where it cannot run; a thread that was lost is replaced. */
export function heartbeatThreads(clock: Clock, log: Pick<Log, 'debug'>): () => Promise<HeartbeatThread | undefined> {
  let current: WorkerHeartbeatThread | undefined;
  return async () => {
    try {
      if (current === undefined || current.isLost) current = new WorkerHeartbeatThread(clock);
      await current.ready;
      return current;
    } catch (error) {
      log.debug(`the locks stay on the main loop: ${String(error)}`);
      return undefined;
    }
  };
}

class WorkerHeartbeatThread implements HeartbeatThread {
  /** Rejects when the worker ends before it runs. */
  readonly ready: Promise<void>;
  readonly #clock: Clock;
  readonly #worker: Worker;
  readonly #ticks = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #leases = new Map<number, { readonly events: HeartbeatEvents; onStopped?: () => void }>();
  #nextId = 1;
  #tickTimer: Timer | undefined;
  #isLost = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    const workerData: HeartbeatWorkerData = { ticks: this.#ticks.buffer as SharedArrayBuffer };
    this.#worker = startWorker('lock-heartbeat', { workerData });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromHeartbeatWorker) => {
        if (message.kind === 'ready') resolve();
        else this.#heard(message);
      });
      this.#worker.once('error', (error: unknown) => {
        this.#lose();
        reject(error);
      });
      this.#worker.once('exit', () => {
        this.#lose();
        reject(new Error('the worker of the locks has ended'));
      });
    });
    this.#tick();
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  adopt(
    path: string,
    identity: { device: number; inode: number },
    staleMs: number,
    events: HeartbeatEvents,
  ): HeartbeatLease {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#leases.set(id, { events });
    this.#say({ kind: 'adopt', id, path, identity, staleMs });
    if (this.#isLost) this.#lose();
    return { stop: () => this.#stop(id, events) };
  }

  #stop(id: number, events: HeartbeatEvents): Promise<void> {
    if (this.#isLost || !this.#leases.has(id)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#leases.set(id, { events, onStopped: resolve });
      // Somebody waits for the answer, so the process has to live until it is there.
      this.#worker.ref();
      this.#say({ kind: 'stop', id });
    });
  }

  #heard(message: Exclude<FromHeartbeatWorker, { kind: 'ready' }>): void {
    const lease = this.#leases.get(message.id);
    if (lease === undefined) return;
    if (message.kind === 'beat') {
      lease.events.beat(message.beganMs - (sharedClockMs() - this.#clock.monotonicMs()));
      return;
    }
    if (message.kind === 'stopped') this.#forget(message.id);
    else if (lease.onStopped === undefined) {
      this.#forget(message.id);
      const { error, code } = message;
      // A code is lost when an error goes from one thread to another.
      lease.events.compromised(code === undefined ? error : Object.assign(error, { code }));
    }
  }

  #forget(id: number): void {
    const lease = this.#leases.get(id);
    this.#leases.delete(id);
    if (![...this.#leases.values()].some(({ onStopped }) => onStopped !== undefined)) this.#worker.unref();
    lease?.onStopped?.();
  }

  #lose(): void {
    this.#isLost = true;
    this.#tickTimer?.cancel();
    const leases = [...this.#leases.values()];
    this.#leases.clear();
    for (const { events, onStopped } of leases) {
      if (onStopped === undefined) events.lost();
      else onStopped();
    }
  }

  #tick(): void {
    Atomics.add(this.#ticks, 0, 1);
    this.#tickTimer = this.#clock.timer(TICK_MS, () => this.#tick(), true);
  }

  #say(message: ToHeartbeatWorker): void {
    this.#worker.postMessage(message);
  }
}

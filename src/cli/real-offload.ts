/**
 * Decompression off the main loop. gzip and zstd have calls of their own that work in the thread pool; snappy and lz4
 * compute on the calling thread and go to a worker, which is started at the first of them. Where it cannot be started, or was
 * lost, they are done here.
 */
import type { Worker } from 'node:worker_threads';
import { type Deferred, deferred } from '../kernel/deferred.ts';
import type { Log, Offload, OffloadTask } from '../kernel/env.ts';
import { KafkaError } from '../protocol/errors.ts';
import { compress, decompress } from '../protocol/records/compression.ts';
import type { FromOffloadWorker, ToOffloadWorker } from './real-offload-messages.ts';
import { startWorker } from './real-worker-entry.ts';

/** Tasks that may be given and not yet done; each connection has one at a time. */
const TASK_COUNT_MAX = 4096;
/** Each may hold its whole output twice, so it is these many that bound the memory and not how many connections there are. */
const AT_ONCE_MAX = 4;

export function realOffload(log: Pick<Log, 'debug'>): Offload {
  const turns = new Turns();
  const pool = new WorkerPool(log);
  const decompressInTurn = (task: OffloadTask): Promise<Buffer> => turns.run(() => decompressHere(task));
  return {
    run: (task) =>
      task.codec === 'gzip' || task.codec === 'zstd' ? decompressInTurn(task) : pool.run(task, decompressInTurn),
    // By compaction alone, a batch at a time: gzip and zstd in the thread pool, snappy and lz4 here.
    compress,
  };
}

function decompressHere({ codec, bytes, maxOutputBytes }: OffloadTask): Promise<Buffer> {
  return decompress(codec, bytes, maxOutputBytes);
}

/** Lets `AT_ONCE_MAX` run at a time, the others in order of arrival. */
class Turns {
  readonly #waiting: Deferred<void>[] = [];
  #runningCount = 0;

  /** Throws REQUEST_TIMED_OUT when too many wait. */
  async run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#runningCount < AT_ONCE_MAX) {
      this.#runningCount += 1;
    } else {
      if (this.#waiting.length >= TASK_COUNT_MAX) throw tooManyWait();
      const turn = deferred<void>();
      this.#waiting.push(turn);
      await turn.promise;
    }
    try {
      return await action();
    } finally {
      // The turn goes on to the next in line, or ends.
      const next = this.#waiting.shift();
      if (next === undefined) this.#runningCount -= 1;
      else next.resolve();
    }
  }
}

interface Pending {
  readonly task: OffloadTask;
  readonly result: Deferred<Buffer>;
  readonly otherwise: (task: OffloadTask) => Promise<Buffer>;
}

/** One worker. */
class WorkerPool {
  readonly #log: Pick<Log, 'debug'>;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #worker: Worker | undefined;
  #isBroken = false;

  constructor(log: Pick<Log, 'debug'>) {
    this.#log = log;
  }

  /** Runs the task in the worker, by `otherwise` where there is none. Throws REQUEST_TIMED_OUT when too many wait. */
  async run(task: OffloadTask, otherwise: Pending['otherwise']): Promise<Buffer> {
    const worker = this.#start();
    if (worker === undefined) return otherwise(task);
    if (this.#pending.size >= TASK_COUNT_MAX) throw tooManyWait();
    const id = this.#nextId;
    this.#nextId += 1;
    const result = deferred<Buffer>();
    this.#pending.set(id, { task, result, otherwise });
    // A message would copy the whole block of memory that the bytes lie in; this copies them alone, and moves the copy.
    const bytes = new Uint8Array(task.bytes);
    const message: ToOffloadWorker = { id, codec: task.codec, bytes, maxOutputBytes: task.maxOutputBytes };
    worker.ref();
    worker.postMessage(message, [bytes.buffer]);
    return result.promise;
  }

  #start(): Worker | undefined {
    if (this.#worker !== undefined || this.#isBroken) return this.#worker;
    try {
      const worker = startWorker('decompress', {});
      worker.on('message', (message: FromOffloadWorker) => this.#heard(message));
      worker.once('error', (error: unknown) => this.#lose(error));
      worker.once('exit', (code) => this.#lose(`exit ${code}`));
      this.#worker = worker;
    } catch (error) {
      this.#lose(error);
    }
    return this.#worker;
  }

  #heard(message: FromOffloadWorker): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (this.#pending.size === 0) this.#worker?.unref();
    if ('output' in message) {
      const { buffer, byteOffset, byteLength } = message.output;
      pending?.result.resolve(Buffer.from(buffer, byteOffset, byteLength));
    } else if (message.errorName === undefined) pending?.result.reject(new Error(message.message));
    else pending?.result.reject(new KafkaError(message.errorName, message.message));
  }

  #lose(reason: unknown): void {
    if (this.#isBroken) return;
    this.#log.debug(`batches are decompressed on the main loop: ${String(reason)}`);
    this.#isBroken = true;
    this.#worker = undefined;
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    for (const { task, result, otherwise } of lost) otherwise(task).then(result.resolve, result.reject);
  }
}

function tooManyWait(): KafkaError {
  return new KafkaError('REQUEST_TIMED_OUT', 'too many batches wait to be decompressed');
}

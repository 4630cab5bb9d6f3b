import { deferred } from '../kernel/deferred.ts';
import type { Env, Timer } from '../kernel/env.ts';
import { Fetch } from '../protocol/apis/01-fetch.ts';
import { errorCode, errorName, isRetriable } from '../protocol/errors.ts';
import { type ResponseOf, ZERO_UUID } from '../protocol/schema.ts';
import { Backoff } from './backoff.ts';
import { type Caller, pickVersion } from './call.ts';
import { ClientError, ConnectionLost, Unreachable } from './client-error.ts';
import type { ConsumeOptions } from './consumer.ts';
import type { CursorSet } from './cursor-set.ts';
import { Deadline } from './deadline.ts';
import {
  FETCH_BY_ID_VERSION,
  FETCH_WAIT_MS,
  type FetchedPartition,
  fetchRequest,
  matchAnswer,
  type PartitionCursor,
} from './fetch-request.ts';
import { surveyBatches } from './fetched-batches.ts';
import { describeTopicsByName } from './metadata.ts';
import { crossGap } from './offsets.ts';
import type { PartitionDecoder } from './partition-decoder.ts';
import type { RecordOutput } from './record-output.ts';
import { refusal } from './refusal.ts';
import type { Transport, TransportReply } from './transport.ts';

/** How long an output that takes nothing is waited for once the signal has fired. */
const OUTPUT_GRACE_MS = 1_000;

/** A fetch that came back. */
interface Completed {
  readonly node: number;
  readonly cursors: readonly PartitionCursor[];
  readonly result: TransportReply<ResponseOf<typeof Fetch>> | Error;
}

interface Part {
  readonly cursor: PartitionCursor;
  readonly fetched: FetchedPartition;
  /** Where the first wanted record is at the earliest. */
  readonly fromOffset: number;
  /** In all batches, wanted or not. */
  readonly recordCount: number;
}

/** What a run does for whom it is a part of: a member of a group. */
export interface RunSteering {
  /** Whether all is read; asked again after each `wake`. Throws what the run is to end with. */
  isOver(): boolean;
  /** A connection was lost: others to the same broker are lost too, or will be. */
  connectionLost(): void;
}

/**
 * Reads partitions until each has come to its end, the limit is reached or the signal fires. One fetch a node is on its way
 * while the answer before it is decoded, and the output's ring bounds what is decoded and not written.
 */
export class ConsumeRun {
  readonly #env: Env;
  readonly #transport: Transport;
  readonly #options: ConsumeOptions;
  readonly #cursors: CursorSet;
  readonly #decoder: PartitionDecoder;
  readonly #output: RecordOutput;
  readonly #steering: RunSteering | undefined;
  readonly #backoff: Backoff;
  /** Nodes with a fetch that is on its way, or has come back and is not looked at yet. */
  readonly #fetching = new Set<number>();
  readonly #completed: Completed[] = [];
  readonly #versionByNode = new Map<number, number>();
  #leadersAreStale = false;
  #retryTimer: Timer | undefined;
  #isAborted = false;
  #graceTimer: Timer | undefined;
  /** Resolves when the output has had its time after the signal. */
  readonly #graceOver = deferred<void>();
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(
    { env, transport }: { readonly env: Env; readonly transport: Transport },
    options: ConsumeOptions,
    cursors: CursorSet,
    { decoder, output }: { readonly decoder: PartitionDecoder; readonly output: RecordOutput },
    steering?: RunSteering,
  ) {
    this.#env = env;
    this.#transport = transport;
    this.#options = options;
    this.#cursors = cursors;
    this.#decoder = decoder;
    this.#output = output;
    this.#steering = steering;
    this.#backoff = new Backoff(env.random);
    output.onChange(() => this.wake());
  }

  /** The cursors are others now, or what the steering answers. */
  wake(): void {
    this.#wake?.();
  }

  /**
   * Answers whether the signal ended it. Throws `ClientError`; what was decoded before is written by then, unless the
   * output takes nothing for a second after the signal.
   */
  async run(): Promise<boolean> {
    const { signal } = this.#options;
    const onAbort = () => {
      this.#isAborted = true;
      this.#armGrace();
      this.#wake?.();
    };
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    try {
      await Promise.race([this.#readAll(), this.#graceOver.promise]);
    } finally {
      this.#close();
      this.#output.flush();
      await Promise.race([this.#output.finished(), this.#graceOver.promise]);
      signal?.removeEventListener('abort', onAbort);
      this.#graceTimer?.cancel();
    }
    if (this.#output.failure !== undefined) throw outputError(this.#output.failure);
    return this.#isAborted;
  }

  #armGrace(): void {
    const { bytes } = this.#output.written;
    this.#graceTimer = this.#env.clock.timer(OUTPUT_GRACE_MS, () => {
      if (this.#output.written.bytes > bytes) this.#armGrace();
      else this.#graceOver.resolve();
    });
  }

  async #readAll(): Promise<void> {
    while (!this.#isOver()) {
      if (this.#leadersAreStale && this.#retryTimer === undefined) await this.#refresh();
      const completed = this.#completed.shift();
      if (completed !== undefined) {
        await this.#take(completed);
        continue;
      }
      this.#startFetches();
      await this.#somethingHappened();
    }
  }

  #isOver(): boolean {
    return this.#mustStop() || (this.#steering === undefined ? this.#cursors.areAtEnd : this.#steering.isOver());
  }

  #mustStop(): boolean {
    return this.#isAborted || this.#output.failure !== undefined || this.#decoder.recordsWanted === 0;
  }

  #close(): void {
    this.#isClosed = true;
    this.#retryTimer?.cancel();
    for (const { result } of this.#completed) if (!(result instanceof Error)) result.release();
  }

  /** One fetch for each leader that has none on its way. */
  #startFetches(): void {
    if (this.#retryTimer !== undefined || this.#leadersAreStale || this.#mustStop()) return;
    const byLeader = this.#cursors.wanting((node) => this.#fetching.has(node));
    for (const [node, cursors] of byLeader) {
      if (node >= 0) void this.#fetch(node, cursors);
      else this.#failed(refusal(errorCode('LEADER_NOT_AVAILABLE'), describe(cursors[0])), cursors);
    }
  }

  async #fetch(node: number, cursors: readonly PartitionCursor[]): Promise<void> {
    this.#fetching.add(node);
    let result: Completed['result'];
    try {
      const version = this.#versionByNode.get(node) ?? (await this.#askVersion(node, cursors));
      const message = fetchRequest(cursors, version, this.#options.isolation);
      const timeoutMs = this.#deadline().attemptMs() + FETCH_WAIT_MS;
      result = await this.#transport.request(node, Fetch, version, message, timeoutMs);
    } catch (error) {
      result = error instanceof Error ? error : new Error(String(error));
    }
    if (!this.#isClosed) this.#completed.push({ node, cursors, result });
    else if (!(result instanceof Error)) result.release();
    this.#wake?.();
  }

  async #askVersion(node: number, cursors: readonly PartitionCursor[]): Promise<number> {
    const hasIds = cursors.every(({ topicId }) => topicId !== ZERO_UUID);
    const highest = hasIds ? Fetch.versions.max : FETCH_BY_ID_VERSION - 1;
    const version = pickVersion(Fetch, await this.#transport.versions(node), highest);
    this.#versionByNode.set(node, version);
    return version;
  }

  async #take({ node, cursors, result }: Completed): Promise<void> {
    this.#fetching.delete(node);
    if (result instanceof Error) {
      this.#versionByNode.delete(node);
      if (!(result instanceof ConnectionLost || result instanceof Unreachable)) throw result;
      this.#failed(result, cursors);
      this.#steering?.connectionLost();
      return;
    }
    try {
      if (result.message.errorCode !== 0) throw refusal(result.message.errorCode, 'fetch');
      const parts: Part[] = [];
      for (const { cursor, fetched } of matchAnswer(cursors, result.message)) {
        // One that was given up meanwhile is another member's.
        if (!this.#cursors.has(cursor)) continue;
        const fromOffset = cursor.fetchOffset;
        const recordCount = await this.#advance(cursor, fetched);
        if (recordCount !== undefined) parts.push({ cursor, fetched, fromOffset, recordCount });
      }
      if (this.#retryTimer === undefined) this.#backoff.reset();
      // The next fetch goes on while this answer is decoded, unless this one is certain to be the last.
      const recordCount = parts.reduce((sum, part) => sum + part.recordCount, 0);
      if (recordCount < this.#decoder.recordsWanted) this.#startFetches();
      await this.#decode(parts);
    } finally {
      result.release();
    }
  }

  /** Moves the cursor behind what has come; answers how many records that is, undefined when no batch is whole. */
  async #advance(cursor: PartitionCursor, fetched: FetchedPartition): Promise<number | undefined> {
    const name = errorName(fetched.errorCode);
    if (name === 'OFFSET_OUT_OF_RANGE') {
      await crossGap(this.#caller(), cursor, this.#options);
      this.#decoder.moved(cursor);
      return undefined;
    }
    if (name !== 'NONE') {
      if (name === 'CORRUPT_MESSAGE') throw damaged(cursor);
      if (!isRetriable(name)) throw refusal(fetched.errorCode, describe(cursor));
      this.#failed(refusal(fetched.errorCode, describe(cursor)), [cursor]);
      return undefined;
    }
    cursor.failingSinceMs = undefined;
    const { nextOffset, recordCount } = surveyBatches(fetched.records ?? []);
    if (nextOffset === undefined) return undefined;
    cursor.fetchOffset = Math.max(cursor.fetchOffset, nextOffset);
    return recordCount;
  }

  async #decode(parts: readonly Part[]): Promise<void> {
    for (const { cursor, fetched, fromOffset } of parts) {
      const wanted = { fromOffset, untilOffset: cursor.untilOffset };
      await this.#decoder.decode(cursor, fetched, wanted, () => this.#mustStop() || !this.#cursors.has(cursor));
    }
    this.#output.flush();
  }

  /** Tries again a little later, until nothing good has come for one of the partitions in the whole time allowed. */
  #failed(error: Error, cursors: readonly PartitionCursor[]): void {
    const nowMs = this.#env.clock.monotonicMs();
    const { timeoutMs } = this.#options;
    for (const cursor of cursors) {
      cursor.failingSinceMs ??= nowMs;
      if (timeoutMs === 0 || nowMs - cursor.failingSinceMs < timeoutMs) continue;
      throw error instanceof ClientError ? error : new Unreachable(error.message, { cause: error });
    }
    this.#leadersAreStale = true;
    this.#retryTimer ??= this.#env.clock.timer(this.#backoff.nextMs(), () => {
      this.#retryTimer = undefined;
      this.#wake?.();
    });
  }

  async #refresh(): Promise<void> {
    const topics = await this.#unlessAborted(describeTopicsByName(this.#caller(), this.#cursors.topicNames));
    if (topics === undefined) return;
    this.#leadersAreStale = false;
    this.#cursors.learnLeaders(topics);
  }

  #caller(): Caller {
    return { env: this.#env, transport: this.#transport, deadline: this.#deadline() };
  }

  /** What is left for the partition that has waited longest. */
  #deadline(): Deadline {
    const { timeoutMs } = this.#options;
    if (timeoutMs === 0) return new Deadline(this.#env.clock, 0);
    const nowMs = this.#env.clock.monotonicMs();
    const sinceMs = this.#cursors.failingSinceMs(nowMs);
    return new Deadline(this.#env.clock, Math.max(1, timeoutMs - (nowMs - sinceMs)));
  }

  /** undefined when the signal fired first; the work is then left to end by itself. */
  async #unlessAborted<T>(work: Promise<T>): Promise<T | undefined> {
    let result: { value: T } | { error: unknown } | undefined;
    void work.then(
      (value) => {
        result = { value };
        this.#wake?.();
      },
      (error: unknown) => {
        result = { error };
        this.#wake?.();
      },
    );
    while (result === undefined && !this.#isAborted) await this.#somethingHappened();
    if (result === undefined) return undefined;
    if ('error' in result) throw result.error;
    return result.value;
  }

  async #somethingHappened(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}

function describe(cursor: PartitionCursor | undefined): string {
  return `topic '${cursor?.topic}' partition ${cursor?.partition}`;
}

/** What lies where the cursor stands cannot be had: to try again would not help, and to go on behind it would hide a loss. */
function damaged(cursor: PartitionCursor): ClientError {
  const what = `is damaged: nothing can be read from offset ${cursor.fetchOffset} on (CORRUPT_MESSAGE)`;
  return new ClientError('data', `${describe(cursor)} ${what}`);
}

function outputError(cause: unknown): ClientError {
  return new ClientError('output', `cannot write: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  });
}

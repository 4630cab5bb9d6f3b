import { type Deferred, deferred } from '../kernel/deferred.ts';
import type { Env, Timer } from '../kernel/env.ts';
import { type ErrorName, errorCode, errorName, isRetriable } from '../protocol/errors.ts';
import { isClosedForDamage } from '../protocol/private/closed-for-damage.ts';
import type { Codec } from '../protocol/records/compression.ts';
import { Backoff } from './backoff.ts';
import type { BatchSlot } from './batch-slot.ts';
import { ClientError, ConnectionLost, Unreachable } from './client-error.ts';
import { Deadline } from './deadline.ts';
import { packBatch, sealLineBatch } from './line-batch.ts';
import type { TopicDescription } from './metadata.ts';
import { isStaleMetadata, PartitionLeaders } from './partition-leaders.ts';
import { PartitionQueue, type PendingBatch } from './partition-queue.ts';
import { type PartitionAnswer, readProduceAnswers, sendProduce } from './produce-request.ts';
import type { ProducerIdentity } from './producer-id.ts';
import { inWords, refusal } from './refusal.ts';
import type { Transport } from './transport.ts';

export interface SenderOptions {
  readonly topic: TopicDescription;
  readonly acks: -1 | 0 | 1;
  readonly codec: Codec;
  /** From a batch's first attempt to its ack; 0 = for ever. */
  readonly timeoutMs: number;
  /** undefined: not idempotent. */
  readonly producer: ProducerIdentity | undefined;
}

export interface SenderEvents {
  /** The batch is in the log; its slot may be used again. */
  acked(batch: PendingBatch): void;
  /** An answer has been dealt with, or the sender has failed. */
  progress(): void;
}

/** Requests without an answer to one node. */
const REQUESTS_PER_NODE_MAX = 5;
/** A request takes no further batch once it holds so many bytes. */
const REQUEST_BYTES = 4 << 20;
const SEQUENCE_COUNT = 2 ** 31;

/**
 * Brings closed batches to their partitions' leaders and keeps at it until they are acked, the time is up or a broker says
 * a final no. Order and sequences are `PartitionQueue`'s matter; which node and when, this class's.
 */
export class ProduceSender {
  readonly #env: Env;
  readonly #transport: Transport;
  readonly #options: SenderOptions;
  readonly #events: SenderEvents;
  readonly #queues: PartitionQueue[];
  readonly #nextSequence: number[];
  readonly #backoff: Backoff;
  readonly #leaders: PartitionLeaders;
  /** Requests on their way, by node. */
  readonly #requestCount = new Map<number, number>();
  #unackedCount = 0;
  #sendingCount = 0;
  #isAsking = false;
  #retryTimer: Timer | undefined;
  #deadlineTimer: Timer | undefined;
  #lastLoss: Error | undefined;
  #failure: Error | undefined;
  #quiet: Deferred<void> | undefined;

  constructor(env: Env, transport: Transport, options: SenderOptions, events: SenderEvents) {
    this.#env = env;
    this.#transport = transport;
    this.#options = options;
    this.#events = events;
    this.#queues = options.topic.partitions.map(({ partition }) => new PartitionQueue(partition));
    this.#nextSequence = options.topic.partitions.map(() => 0);
    this.#leaders = new PartitionLeaders(env, transport, options.topic);
    this.#backoff = new Backoff(env.random);
  }

  /** Why nothing more is sent. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** True when every batch that was given is acked. */
  get idle(): boolean {
    return this.#unackedCount === 0;
  }

  /** Whether a batch for the partition would go out at once. */
  isReady(partition: number): boolean {
    return this.#leaders.leader(partition) >= 0 && (this.#queues[partition]?.batches.length ?? 0) === 0;
  }

  /** The oldest batch of each partition that is not acked. */
  *oldestBatches(): Iterable<PendingBatch> {
    for (const { oldest } of this.#queues) if (oldest !== undefined) yield oldest;
  }

  /** Takes over a slot with at least one record. */
  submit(partition: number, slot: BatchSlot): void {
    const batch: PendingBatch = {
      partition,
      slot,
      recordCount: slot.recordCount,
      baseSequence: this.#takeSequences(partition, slot.recordCount),
      codec: 'none',
      bytes: slot.bytes.subarray(0, slot.position),
      state: 'ready',
      firstAttemptMs: undefined,
      lastRefusal: undefined,
    };
    this.#queues[partition]?.push(batch);
    this.#unackedCount++;
    if (this.#options.codec === 'none') this.#pump();
    else void this.#pack(batch);
  }

  /** Resolves when no request is on its way. */
  async settled(): Promise<void> {
    if (this.#sendingCount === 0) return;
    this.#quiet ??= deferred();
    await this.#quiet.promise;
  }

  /** Stops the timers; after everything is acked or has failed. */
  close(): void {
    this.#retryTimer?.cancel();
    this.#deadlineTimer?.cancel();
    this.#retryTimer = undefined;
    this.#deadlineTimer = undefined;
  }

  #takeSequences(partition: number, count: number): number {
    if (this.#options.producer === undefined) return -1;
    const sequence = this.#nextSequence[partition] ?? 0;
    this.#nextSequence[partition] = (sequence + count) % SEQUENCE_COUNT;
    return sequence;
  }

  async #pack(batch: PendingBatch): Promise<void> {
    batch.state = 'packing';
    try {
      await packBatch(batch, this.#options.codec);
      batch.state = 'ready';
      this.#pump();
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  /** Sends all that may be sent now. */
  #pump(): void {
    if (this.#failure !== undefined || this.#retryTimer !== undefined || this.#isAsking) return;
    if (this.#leaders.stale) {
      void this.#ask(() => this.#refresh());
      return;
    }
    for (const queue of this.#queues) {
      const batch = queue.next();
      if (batch === undefined || this.#isAsking) continue;
      const node = this.#leaders.leader(queue.partition);
      const version = this.#leaders.version(node);
      if (node >= 0 && version !== undefined) {
        this.#pumpNode(node, version);
        continue;
      }
      this.#noteAttempt(batch);
      if (node >= 0) void this.#ask(() => this.#leaders.askVersion(node));
      else this.#noLeader(batch);
    }
  }

  #noLeader(batch: PendingBatch): void {
    batch.lastRefusal = inWords('LEADER_NOT_AVAILABLE');
    this.#leaders.stale = true;
    this.#retryLater();
  }

  #pumpNode(node: number, version: number): void {
    while ((this.#requestCount.get(node) ?? 0) < REQUESTS_PER_NODE_MAX) {
      const batches = this.#collect(node);
      if (batches.length === 0) return;
      void this.#send(node, version, batches);
    }
  }

  /** One batch of each partition that `node` leads, as far as one request goes. */
  #collect(node: number): PendingBatch[] {
    const batches: PendingBatch[] = [];
    let byteCount = 0;
    for (const queue of this.#queues) {
      if (this.#leaders.leader(queue.partition) !== node) continue;
      const batch = queue.next();
      if (batch === undefined) continue;
      batches.push(batch);
      byteCount += batch.bytes.length;
      if (byteCount >= REQUEST_BYTES) break;
    }
    return batches;
  }

  async #send(node: number, version: number, batches: readonly PendingBatch[]): Promise<void> {
    const { topic, acks, producer } = this.#options;
    for (const batch of batches) {
      this.#noteAttempt(batch);
      this.#queues[batch.partition]?.sending(batch);
      sealLineBatch(batch, producer);
    }
    this.#count(node, 1);
    try {
      const timeoutMs = this.#attemptMs(batches);
      const message = await sendProduce(this.#transport, node, version, { topic, acks, timeoutMs, batches });
      this.#count(node, -1);
      this.#answered(batches, acks === 0 ? undefined : readProduceAnswers(message));
    } catch (error) {
      this.#count(node, -1);
      this.#leaders.forgetVersion(node);
      if (error instanceof ConnectionLost || error instanceof Unreachable) this.#unanswered(batches, error);
      else this.#fail(asError(error));
    }
    if (this.#sendingCount === 0) {
      this.#quiet?.resolve();
      this.#quiet = undefined;
    }
    this.#pump();
    this.#events.progress();
  }

  #count(node: number, change: 1 | -1): void {
    this.#requestCount.set(node, (this.#requestCount.get(node) ?? 0) + change);
    this.#sendingCount += change;
  }

  /** `answers` undefined: there are none with acks 0, and what was handed over counts. */
  #answered(batches: readonly PendingBatch[], answers: ReadonlyMap<number, PartitionAnswer> | undefined): void {
    for (const batch of batches) {
      const answer = answers === undefined ? { errorCode: 0, message: null } : answers.get(batch.partition);
      if (answer === undefined) {
        this.#unanswered([batch], new ConnectionLost('the broker left a partition out of its answer'));
        continue;
      }
      const name = errorName(answer.errorCode);
      if (name === 'NONE' || name === 'DUPLICATE_SEQUENCE_NUMBER') this.#acked(batch);
      else this.#refused(batch, name, answer);
    }
  }

  #acked(batch: PendingBatch): void {
    this.#queues[batch.partition]?.acked(batch);
    this.#unackedCount--;
    this.#backoff.reset();
    this.#events.acked(batch);
  }

  #refused(batch: PendingBatch, name: ErrorName, answer: PartitionAnswer): void {
    const queue = this.#queues[batch.partition];
    const isExpected = name === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && queue?.isOutOfOrderExpected(batch);
    queue?.failed(batch, inWords(name, answer.message));
    if (isExpected) return;
    if (!isRetriable(name) || isClosedForDamage(name, answer.message)) {
      this.#fail(refusal(answer.errorCode, this.#describe(batch), answer.message));
      return;
    }
    if (isStaleMetadata(name)) this.#leaders.stale = true;
    this.#retryLater();
  }

  #unanswered(batches: readonly PendingBatch[], error: Error): void {
    for (const batch of batches) this.#queues[batch.partition]?.failed(batch, undefined);
    this.#lost(error);
  }

  #lost(error: Error): void {
    this.#lastLoss = error;
    this.#leaders.stale = true;
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#failure !== undefined) return;
    this.#retryTimer ??= this.#env.clock.timer(this.#backoff.nextMs(), () => {
      this.#retryTimer = undefined;
      this.#pump();
    });
  }

  /** One question to the cluster at a time; nothing is sent meanwhile. */
  async #ask(question: () => Promise<void>): Promise<void> {
    this.#isAsking = true;
    try {
      await question();
    } catch (error) {
      if (error instanceof ConnectionLost || error instanceof Unreachable) this.#lost(error);
      else this.#fail(asError(error));
    }
    this.#isAsking = false;
    this.#pump();
  }

  async #refresh(): Promise<void> {
    const refusedWith = await this.#leaders.refresh(this.#attemptMs(this.oldestBatches()));
    if (refusedWith === undefined) return;
    if (!isRetriable(refusedWith)) throw refusal(errorCode(refusedWith), `topic '${this.#options.topic.name}'`);
    for (const batch of this.oldestBatches()) batch.lastRefusal = inWords(refusedWith);
    this.#retryLater();
  }

  #noteAttempt(batch: PendingBatch): void {
    if (batch.firstAttemptMs !== undefined) return;
    batch.firstAttemptMs = this.#env.clock.monotonicMs();
    if (this.#deadlineTimer === undefined && this.#options.timeoutMs > 0) this.#armDeadline(this.#options.timeoutMs);
  }

  /** What is left for the batch among these that has waited longest, for one attempt. */
  #attemptMs(batches: Iterable<PendingBatch>): number {
    const { timeoutMs } = this.#options;
    const nowMs = this.#env.clock.monotonicMs();
    let firstMs = nowMs;
    for (const { firstAttemptMs } of batches) firstMs = Math.min(firstMs, firstAttemptMs ?? nowMs);
    const restMs = timeoutMs === 0 ? 0 : Math.max(1, timeoutMs - (nowMs - firstMs));
    return new Deadline(this.#env.clock, restMs).attemptMs();
  }

  /** One timer for all batches: when it fires, it fails or is set for the batch that has waited longest by then. */
  #armDeadline(delayMs: number): void {
    this.#deadlineTimer = this.#env.clock.timer(delayMs, () => {
      this.#deadlineTimer = undefined;
      const nowMs = this.#env.clock.monotonicMs();
      let restMs = Infinity;
      for (const batch of this.oldestBatches()) {
        if (batch.firstAttemptMs === undefined) continue;
        const batchRestMs = batch.firstAttemptMs + this.#options.timeoutMs - nowMs;
        if (batchRestMs <= 0) return this.#fail(this.#timeUp(batch));
        restMs = Math.min(restMs, batchRestMs);
      }
      if (restMs < Infinity) this.#armDeadline(restMs);
    });
  }

  #timeUp(batch: PendingBatch): ClientError {
    const what = `${this.#describe(batch)} was not acked within ${this.#options.timeoutMs / 1000} s`;
    if (batch.lastRefusal !== undefined) return new ClientError('refused', `${what}: ${batch.lastRefusal}`);
    const loss = this.#lastLoss;
    return new Unreachable(`${what}: ${loss?.message ?? 'no answer'}`, { cause: loss });
  }

  #describe(batch: PendingBatch): string {
    return `a batch of ${batch.recordCount} records for partition ${batch.partition} of '${this.#options.topic.name}'`;
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.close();
    this.#events.progress();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

import type { Env } from '../kernel/env.ts';
import type { Codec } from '../protocol/records/compression.ts';
import type { Caller } from './call.ts';
import { ClientError, ProduceError } from './client-error.ts';
import { Deadline } from './deadline.ts';
import { describeTopicsByName, type TopicDescription } from './metadata.ts';
import { ProduceRun } from './produce-run.ts';
import { initProducerId } from './producer-id.ts';
import { topicMaxMessageBytes } from './topic-limits.ts';
import type { Transport } from './transport.ts';

export interface ProduceOptions {
  readonly topic: string;
  /** A fixed partition; else keyed lines go by murmur2 of the key and the others to one partition a batch, in turn. */
  readonly partition?: number;
  /** What ends a record; at least one byte. */
  readonly delimiter: Uint8Array;
  /** What parts key and value: the first occurrence in a line. */
  readonly keyDelimiter?: Uint8Array;
  readonly codec: Codec;
  /** -1 = all. Idempotent (nothing twice, order kept through retries) exactly when -1. */
  readonly acks: -1 | 0 | 1;
  /** Bounds a batch from first send to ack, retries included, and every look-up; 0 = for ever. */
  readonly timeoutMs: number;
  /** Aborting stops the reading; whole lines read so far are still sent and acked. */
  readonly signal?: AbortSignal;
}

export interface LineInput {
  /** For error messages: a path, or `standard input`. */
  readonly name: string;
  /** Next bytes into `target`, 0 at the end. One call at a time. */
  read(target: Uint8Array): Promise<number>;
}

export interface ProduceHooks {
  /** The first `lines` lines, `bytes` input bytes, are all acked. Called with rising figures. */
  onAcked?(lines: number, bytes: number): void;
}

export interface ProduceSummary {
  /** Lines and input bytes acked, which is all that was read when the promise resolved. */
  readonly lines: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  /** True when `signal` ended the run before the input's end. */
  readonly interrupted: boolean;
}

/**
 * Sends each line of the inputs, one after the other, as a record; the end of each input ends its last line.
 *
 * Throws `ProduceError`, which says how far everything is acked, once the input has begun; `ClientError` before that.
 */
export async function produceLines(
  env: Env,
  transport: Transport,
  options: ProduceOptions,
  inputs: Iterable<LineInput> | AsyncIterable<LineInput>,
  hooks: ProduceHooks = {},
): Promise<ProduceSummary> {
  const startMs = env.clock.monotonicMs();
  const caller = { env, transport, deadline: new Deadline(env.clock, options.timeoutMs) };
  const topic = await findTopic(caller, options);
  const maxBatchBytes = await topicMaxMessageBytes(caller, options.topic);
  const producer = options.acks === -1 ? await initProducerId(caller) : undefined;
  const run = new ProduceRun(env, transport, { options, topic, maxBatchBytes, producer, hooks });
  const elapsedMs = () => env.clock.monotonicMs() - startMs;
  try {
    const interrupted = await run.produce(inputs);
    return { ...run.acked, elapsedMs: elapsedMs(), interrupted };
  } catch (error) {
    throw new ProduceError(error, { ...run.acked, elapsedMs: elapsedMs(), isAll: run.isAllAcked });
  } finally {
    run.close();
  }
}

/** Throws `not-found` for a topic or a partition that is not there. */
async function findTopic(caller: Caller, { topic: name, partition }: ProduceOptions): Promise<TopicDescription> {
  const [topic] = await describeTopicsByName(caller, [name]);
  if (topic === undefined || topic.partitions.length === 0)
    throw new ClientError('not-found', `there is no topic '${name}'`);
  if (partition !== undefined && topic.partitions[partition] === undefined) {
    const have = `it has ${topic.partitions.length}, numbered from 0`;
    throw new ClientError('not-found', `topic '${name}' has no partition ${partition}: ${have}`);
  }
  return topic;
}

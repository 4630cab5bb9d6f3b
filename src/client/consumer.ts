import type { Env } from '../kernel/env.ts';
import type { Caller } from './call.ts';
import { ClientError } from './client-error.ts';
import { ConsumeRun } from './consume-run.ts';
import { CursorSet } from './cursor-set.ts';
import { Deadline } from './deadline.ts';
import type { PartitionCursor } from './fetch-request.ts';
import { describeTopicsByName, type PartitionDescription, type TopicDescription } from './metadata.ts';
import { crossGap, LATEST, listOffsets, offsetsOf } from './offsets.ts';
import { PartitionDecoder } from './partition-decoder.ts';
import { RecordOutput } from './record-output.ts';
import type { RecordSink, RecordText } from './record-view.ts';
import type { Transport } from './transport.ts';

/** A place in each partition: where reading begins, or ends. */
export type OffsetSpec =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** The last `count` offsets, or all that are there. */
  | { readonly kind: 'tail'; readonly count: number }
  /** `count` offsets after the first that is there. */
  | { readonly kind: 'skip'; readonly count: number }
  /** The first record of this time or later; the end when there is none. */
  | { readonly kind: 'time'; readonly timestampMs: bigint };

export type Isolation = 'read_committed' | 'read_uncommitted';

export interface ConsumeOptions {
  readonly topics: readonly string[];
  /** All partitions when left out. */
  readonly partitions?: readonly number[];
  readonly start: OffsetSpec;
  /** Exclusive: reading ends there, also when it is still to come. */
  readonly until?: OffsetSpec;
  /** Stop after exactly so many records. */
  readonly maxRecords?: number;
  /** Stop where each partition ended when reading began; else follow. */
  readonly exitAtEnd: boolean;
  readonly isolation: Isolation;
  /** Follows each value; not used with `sink`. */
  readonly delimiter: Uint8Array;
  /** Formats records in place of value + delimiter. */
  readonly sink?: (out: RecordText) => RecordSink;
  /** Where reading goes on when the log does not hold the next offset; `fail` (the default) ends the run. */
  readonly onGap?: 'fail' | 'earliest' | 'latest';
  /** Takes a line for people. */
  readonly note?: (text: string) => void;
  /** How long nobody may answer before the run ends with `unreachable`; 0 = for ever. */
  readonly timeoutMs: number;
  /** Aborting ends the run after the record at hand; what was decoded is still written. */
  readonly signal?: AbortSignal;
}

export interface ConsumeOutput {
  /** All of `bytes`; one call at a time. Rejects with EPIPE, ENOSPC, .... */
  write(bytes: Uint8Array): Promise<void>;
}

export interface ConsumeSummary {
  /** Records and bytes that the output has accepted. */
  readonly records: number;
  readonly bytes: number;
  readonly interrupted: boolean;
}

/**
 * Writes the records of the topics to `output`, each partition in order. Throws `ClientError`; what was decoded before is
 * written by then, as far as the output took it.
 */
export async function consume(
  env: Env,
  transport: Transport,
  options: ConsumeOptions,
  output: ConsumeOutput,
): Promise<ConsumeSummary> {
  const caller = { env, transport, deadline: new Deadline(env.clock, options.timeoutMs) };
  const cursors = await openCursors(caller, options);
  const recordOutput = new RecordOutput(output);
  const decoder = new PartitionDecoder(env, options, recordOutput);
  const parts = { decoder, output: recordOutput };
  const run = new ConsumeRun({ env, transport }, options, new CursorSet(cursors), parts);
  const interrupted = await run.run();
  return { ...recordOutput.written, interrupted };
}

async function openCursors(caller: Caller, options: ConsumeOptions): Promise<PartitionCursor[]> {
  const topics = await describeTopicsByName(caller, [...new Set(options.topics)]);
  const places = topics.flatMap((topic) =>
    wantedPartitions(topic, options.partitions).map((info) => ({
      topic: topic.name,
      topicId: topic.topicId,
      partition: info.partition,
      leader: info.leader,
      leaderEpoch: info.leaderEpoch,
    })),
  );
  const starts = await offsetsOf(caller, places, options.start, options.isolation);
  const ends = options.exitAtEnd ? await listOffsets(caller, places, LATEST, options.isolation) : [];
  const { until } = options;
  const untils = until === undefined ? [] : await offsetsOf(caller, places, until, options.isolation);
  const cursors = places.map((place, index) => ({
    ...place,
    fetchOffset: starts[index] ?? 0,
    untilOffset: Math.min(ends[index] ?? Infinity, untils[index] ?? Infinity),
    failingSinceMs: undefined,
  }));
  // To begin behind the end is no way to be done.
  const beyond = cursors.filter(({ fetchOffset }, index) => fetchOffset > (ends[index] ?? Infinity));
  if (options.start.kind === 'offset') for (const cursor of beyond) await crossGap(caller, cursor, options);
  return cursors;
}

function wantedPartitions(
  topic: TopicDescription,
  wanted: readonly number[] | undefined,
): readonly PartitionDescription[] {
  if (wanted === undefined) return topic.partitions;
  return [...new Set(wanted)].map((partition) => {
    const info = topic.partitions[partition];
    if (info !== undefined) return info;
    const have = `it has ${topic.partitions.length}, numbered from 0`;
    throw new ClientError('not-found', `topic '${topic.name}' has no partition ${partition}: ${have}`);
  });
}

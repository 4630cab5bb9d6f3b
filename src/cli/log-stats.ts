/** `streamctl log stats`: what the segments of each partition come to. Never writes. */
import type { Env } from '../kernel/env.ts';
import { batchFactsOf, forEachBatch } from '../log/offline/batch-facts.ts';
import { segmentFileName } from '../log/segment-files.ts';
import * as batch from '../protocol/records/batch.ts';
import { codecOf, decompressSync } from '../protocol/records/compression.ts';
import { describeBytes } from './byte-size.ts';
import { CliError } from './cli-error.ts';
import { documentOf, type ItemError, itemError, printDocument } from './document.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { type LogTree, logTreeOf, partitionsOf, refuseOtherFiles, segmentsOf, topicOf } from './log-tree.ts';
import { table } from './table.ts';

export interface StatsCommand {
  readonly path: string;
  /** Whether compressed batches are decompressed, for the ratio. */
  readonly deep: boolean;
}

interface PartitionStats {
  readonly topic: string;
  readonly partition: number;
  segments: number;
  bytes: number;
  batches: number;
  records: number;
  /** Batches by codec. */
  codecs: Record<string, number>;
  /** Bytes of records once decompressed over those in the file; undefined without --deep. */
  ratio: number | undefined;
  firstOffset: number | undefined;
  /** Exclusive. */
  endOffset: number | undefined;
  /** Milliseconds since the epoch, of batches that have a time; decimal text. */
  firstTimestamp: string | undefined;
  lastTimestamp: string | undefined;
  producers: number;
  /** Places where offsets are missing between two batches. */
  gaps: number;
}

const DECOMPRESSED_BYTES_MAX = 256 * 1024 * 1024;

export async function runLogStats(host: Host, common: CommonOptions, command: StatsCommand): Promise<ExitCode> {
  const tree = await logTreeOf(host.env, command.path);
  refuseOtherFiles(tree);
  const items: PartitionStats[] = [];
  const errors: ItemError[] = [];
  for (const partition of await partitionsOf(host.env, tree)) {
    try {
      const isBroken = (path: string, position: number): void => {
        const text = `${path}: what begins at byte ${position} is no batch, and is not counted`;
        errors.push(itemError(partition, new CliError(EXIT.data, text)));
      };
      items.push(await statsOf(host.env, tree, partition, { deep: command.deep, isBroken }));
    } catch (error) {
      errors.push(itemError(partition, error));
    }
  }
  return printDocument(host, common, documentOf('log.stats', items, errors), (rows, style) =>
    table(
      [
        'PARTITION',
        'SEGMENTS',
        'SIZE',
        'BATCHES',
        'RECORDS',
        'OFFSETS',
        'CODECS',
        'RATIO',
        'PRODUCERS',
        'GAPS',
        'TIMES',
      ],
      rows.map(rowOf),
      style,
    ),
  );
}

function rowOf(stats: PartitionStats): string[] {
  const { firstOffset, endOffset, firstTimestamp, lastTimestamp } = stats;
  return [
    `${stats.topic}-${stats.partition}`,
    String(stats.segments),
    describeBytes(stats.bytes),
    String(stats.batches),
    String(stats.records),
    firstOffset === undefined ? '-' : `${firstOffset}..${(endOffset ?? 0) - 1}`,
    Object.entries(stats.codecs)
      .map(([codec, count]) => `${codec}:${count}`)
      .join(',') || '-',
    stats.ratio === undefined ? '-' : stats.ratio.toFixed(2),
    String(stats.producers),
    String(stats.gaps),
    firstTimestamp === undefined ? '-' : `${timeOf(firstTimestamp)} .. ${timeOf(lastTimestamp ?? firstTimestamp)}`,
  ];
}

function timeOf(timestamp: string): string {
  const date = new Date(Number(timestamp));
  return Number.isNaN(date.getTime()) ? timestamp : date.toISOString();
}

interface Counting {
  readonly deep: boolean;
  /** Told of each file that holds what is no batch. */
  isBroken(path: string, position: number): void;
}

async function statsOf(
  env: Env,
  tree: LogTree,
  partition: string,
  { deep, isBroken }: Counting,
): Promise<PartitionStats> {
  const count = new PartitionCount(topicOf(partition), deep);
  for (const base of await segmentsOf(env, tree, partition)) {
    const path = `${partition}/${segmentFileName(base, '.log')}`;
    const file = await env.disk.open(path, 'r');
    try {
      count.segment(await file.size());
      const end = await forEachBatch(
        file,
        (bytes, at, position) => count.batch(bytes, at, position),
        async () => undefined,
      );
      if (!end.isWhole) isBroken(path, end.position);
    } finally {
      await file.close();
    }
  }
  return count.stats();
}

class PartitionCount {
  readonly #stats: PartitionStats;
  readonly #deep: boolean;
  readonly #producers = new Set<string>();
  #firstTimestamp: bigint | undefined;
  #lastTimestamp: bigint | undefined;
  #storedBytes = 0;
  #recordBytes = 0;

  constructor(place: { topic: string; partition: number }, deep: boolean) {
    this.#deep = deep;
    this.#stats = {
      ...place,
      segments: 0,
      bytes: 0,
      batches: 0,
      records: 0,
      codecs: {},
      ratio: undefined,
      firstOffset: undefined,
      endOffset: undefined,
      firstTimestamp: undefined,
      lastTimestamp: undefined,
      producers: 0,
      gaps: 0,
    };
  }

  segment(bytes: number): void {
    this.#stats.segments += 1;
    this.#stats.bytes += bytes;
  }

  batch(bytes: Buffer, at: number, position: number): void {
    const stats = this.#stats;
    const facts = batchFactsOf(bytes, at, position);
    stats.batches += 1;
    stats.records += facts.count;
    stats.codecs[facts.codec] = (stats.codecs[facts.codec] ?? 0) + 1;
    if (stats.endOffset !== undefined && facts.baseOffset > stats.endOffset) stats.gaps += 1;
    stats.firstOffset ??= facts.baseOffset;
    stats.endOffset = facts.lastOffset + 1;
    if (facts.producerId !== '-1') this.#producers.add(facts.producerId);
    const [base, max] = [batch.baseTimestamp(bytes, at), batch.maxTimestamp(bytes, at)];
    if (max >= 0n) {
      const first = facts.timestampType === 'LogAppendTime' || base < 0n ? max : base;
      if (this.#firstTimestamp === undefined || first < this.#firstTimestamp) this.#firstTimestamp = first;
      if (this.#lastTimestamp === undefined || max > this.#lastTimestamp) this.#lastTimestamp = max;
    }
    if (this.#deep && facts.valid)
      this.#decompress(bytes.subarray(at + batch.BATCH_HEADER_BYTES, at + facts.sizeBytes), bytes, at);
  }

  stats(): PartitionStats {
    return {
      ...this.#stats,
      producers: this.#producers.size,
      firstTimestamp: this.#firstTimestamp === undefined ? undefined : String(this.#firstTimestamp),
      lastTimestamp: this.#lastTimestamp === undefined ? undefined : String(this.#lastTimestamp),
      ratio: this.#storedBytes === 0 ? undefined : this.#recordBytes / this.#storedBytes,
    };
  }

  #decompress(section: Buffer, bytes: Buffer, at: number): void {
    const codec = codecOf(batch.attributes(bytes, at));
    if (codec === undefined) return;
    this.#storedBytes += section.length;
    this.#recordBytes +=
      codec === 'none' ? section.length : decompressSync(codec, section, DECOMPRESSED_BYTES_MAX).length;
  }
}

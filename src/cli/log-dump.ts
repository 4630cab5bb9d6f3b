/** `streamctl log dump`: what stands in the files of a log, batch by batch and entry by entry. Never writes. */
import { basename } from 'node:path';
import { DecodableBatch, headerFacts } from '../client/decodable-batch.ts';
import { CursorView } from '../client/record-decoder.ts';
import type { RecordText } from '../client/record-view.ts';
import type { Env } from '../kernel/env.ts';
import { type BatchFacts, batchFactsOf, forEachBatch } from '../log/offline/batch-facts.ts';
import {
  type Entry,
  epochEntries,
  offsetIndexEntries,
  snapshotEntries,
  timeIndexEntries,
} from '../log/offline/dump-index.ts';
import { parseSegmentFileName, segmentFileName } from '../log/segment-files.ts';
import * as batch from '../protocol/records/batch.ts';
import { codecOf, decompressSync } from '../protocol/records/compression.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { LineWriter } from './line-writer.ts';
import { logTreeOf, partitionsOf, segmentsOf, topicOf } from './log-tree.ts';
import { printable, printableJson } from './printable.ts';
import { recordJson } from './record-json.ts';

export interface DumpCommand {
  readonly path: string;
  /** Whether the records are shown too, as `consume -J` shows them. */
  readonly records: boolean;
}

const DECOMPRESSED_BYTES_MAX = 256 * 1024 * 1024;

/** Answers 9 when a file holds what is no batch or a batch whose CRC does not match, but shows the rest. */
export async function runLogDump(host: Host, common: CommonOptions, command: DumpCommand): Promise<ExitCode> {
  const { env } = host;
  const tree = await logTreeOf(env, command.path);
  const dump = new Dump(host, common, command.records);
  if (tree.kind === 'file' && parseSegmentFileName(basename(tree.path))?.suffix !== '.log') {
    if (tree.path.endsWith('.checkpoint')) await dump.segment(env, tree.path, topicOf(tree.path));
    else await dump.entries(tree.path, await env.disk.readFile(tree.path));
  } else {
    for (const partition of await partitionsOf(env, tree)) {
      for (const base of await segmentsOf(env, tree, partition)) {
        await dump.segment(env, `${partition}/${segmentFileName(base, '.log')}`, topicOf(partition));
      }
    }
  }
  return dump.end();
}

class Dump {
  readonly #host: Host;
  readonly #common: CommonOptions;
  readonly #records: boolean;
  readonly #out: LineWriter;
  #lines: string[] = [];
  #isDamaged = false;

  constructor(host: Host, common: CommonOptions, records: boolean) {
    this.#host = host;
    this.#common = common;
    this.#records = records;
    this.#out = new LineWriter(host.stdio);
  }

  async segment(env: Env, path: string, place: { topic: string; partition: number }): Promise<void> {
    if (!this.#common.json) await this.#out.line(printable(path));
    const file = await env.disk.open(path, 'r');
    try {
      const end = await forEachBatch(
        file,
        (bytes, at, position) => this.#batch(path, place, bytes, at, position),
        () => this.#settle(),
      );
      if (end.isWhole) return;
      this.#isDamaged = true;
      this.#host.stdio.note(`${path}: what begins at byte ${end.position} is no batch`);
    } finally {
      await file.close();
    }
  }

  async entries(path: string, content: Buffer): Promise<void> {
    const found = entriesOf(path, content);
    if (found === undefined) {
      this.#isDamaged = true;
      this.#host.stdio.note(`${path} does not parse, or is nothing of a log`);
    }
    for (const entry of found ?? []) this.#lines.push(this.#lineOf('log.entry', path, entry));
    await this.#settle();
  }

  async end(): Promise<ExitCode> {
    await this.#out.end();
    return this.#isDamaged ? EXIT.data : EXIT.ok;
  }

  #batch(path: string, place: { topic: string; partition: number }, bytes: Buffer, at: number, position: number): void {
    const facts = batchFactsOf(bytes, at, position);
    if (!facts.valid) this.#isDamaged = true;
    this.#lines.push(this.#lineOf('log.batch', path, facts));
    if (this.#records && facts.valid) this.#recordLines(place, bytes, at, facts);
  }

  #recordLines(place: { topic: string; partition: number }, bytes: Buffer, at: number, facts: BatchFacts): void {
    try {
      for (const line of recordLinesOf(place, bytes, at, facts)) this.#lines.push(line);
    } catch (error) {
      this.#isDamaged = true;
      this.#host.stdio.note(
        `the batch at offset ${facts.baseOffset}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #lineOf(kind: string, file: string, facts: Entry | BatchFacts): string {
    if (this.#common.json) return printableJson({ v: 1, kind, file, ...facts });
    return printable(
      Object.entries(facts)
        .map(([name, value]) => `${name}: ${value}`)
        .join(' '),
    );
  }

  async #settle(): Promise<void> {
    for (const line of this.#lines) await this.#out.line(line);
    this.#lines = [];
  }
}

function entriesOf(path: string, content: Buffer): Entry[] | undefined {
  const name = parseSegmentFileName(basename(path));
  if (name?.suffix === '.index') return offsetIndexEntries(content, name.offset);
  if (name?.suffix === '.timeindex') return timeIndexEntries(content, name.offset);
  if (name?.suffix === '.snapshot') return snapshotEntries(content);
  return basename(path) === 'leader-epoch-checkpoint' ? epochEntries(content) : undefined;
}

/** One line of JSON a record. Throws KafkaError INVALID_RECORD. */
function recordLinesOf(
  place: { topic: string; partition: number },
  bytes: Buffer,
  at: number,
  facts: BatchFacts,
): string[] {
  const codec = codecOf(batch.attributes(bytes, at));
  if (codec === undefined || facts.control) return [];
  const section = bytes.subarray(at + batch.BATCH_HEADER_BYTES, at + facts.sizeBytes);
  const records = codec === 'none' ? section : decompressSync(codec, section, DECOMPRESSED_BYTES_MAX);
  const header = headerFacts(place, { bytes, position: at });
  const wanted = { fromOffset: facts.baseOffset, untilOffset: facts.lastOffset + 1 };
  const decodable = new DecodableBatch(header, { bytes: records, start: 0, end: records.length }, wanted);
  const text = new TextLines();
  const sink = recordJson(text);
  const cursor = decodable.cursor();
  const view = new CursorView(header, cursor);
  while (decodable.recordsLeft > 0) {
    decodable.nextRecord(cursor);
    sink.record(view);
  }
  return text.lines;
}

/** What a formatter writes, as lines of text. */
class TextLines implements RecordText {
  readonly lines: string[] = [];
  #line = '';

  bytes(source: Uint8Array, start: number, end: number): void {
    this.#line += Buffer.from(source.subarray(start, end)).toString();
  }

  text(text: string): void {
    this.#line += text;
  }

  byte(value: number): void {
    if (value !== 10) {
      this.#line += String.fromCharCode(value);
      return;
    }
    this.lines.push(printable(this.#line));
    this.#line = '';
  }
}

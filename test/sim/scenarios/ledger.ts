/**
 * What clients were told: lines that were acked, records that were shown. Each record of a run has a value of its own,
 * `<producer>:<line>` with padding, so that the log can be judged by it.
 */
import type { World } from '../sim-world.ts';

export interface Seen {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

export interface ProducerStory {
  readonly name: string;
  /** The topic that it writes to; undefined for the one that the ledger is about. */
  readonly topic: string | undefined;
  /** Lines that were fed to it. */
  fedCount: number;
  /** The first so many are acked. */
  ackedCount: number;
  /** It ended with exit status 0. */
  isDone: boolean;
}

type LinesByPartition = readonly ReadonlyMap<string, readonly number[]>[];

export interface JudgedLoosely {
  /** Acks came before syncs, and the power went: what was acked or shown may be gone from the end. */
  readonly mayHaveLost?: boolean;
}

export class Ledger {
  readonly #world: World;
  readonly producers = new Map<string, ProducerStory>();
  /** `partition:offset` -> the value that somebody was shown there. */
  readonly #shown = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  producer(name: string, topic?: string): ProducerStory {
    const story = { name, topic, fedCount: 0, ackedCount: 0, isDone: false };
    this.producers.set(name, story);
    return story;
  }

  /** Whether anybody was told that anything is stored. */
  hasPromises(): boolean {
    return [...this.producers.values()].some(({ ackedCount, isDone }) => ackedCount > 0 || isDone);
  }

  /** I-2: one value for each partition and offset, for all time. */
  shown({ partition, offset, value }: Seen, by: string): void {
    const key = `${partition}:${offset}`;
    const before = this.#shown.get(key);
    if (before === undefined) this.#shown.set(key, value);
    else if (before !== value) {
      this.#world.violate('I-2', `${by} was shown ${short(value)} at ${key}, where ${short(before)} was shown before`);
    }
  }

  /**
   * Judges the whole log, as it is read at the end of the run: per partition, in order. What lies before its first record was
   * deleted; whether it might be is for others to judge.
   */
  judge(log: readonly (readonly Seen[])[], { mayHaveLost = false }: JudgedLoosely = {}): void {
    if (!mayHaveLost) for (const records of log) for (const record of records) this.shown(record, 'the log at the end');
    if (!mayHaveLost) this.#judgeShown(log);
    const linesByPartition = log.map(linesByProducer);
    const isWhole = log.every((records) => (records[0]?.offset ?? 0) === 0);
    const stories = [...this.producers.values()].filter(({ topic }) => topic === undefined);
    for (const story of stories) this.#judgeOrder(story, linesByPartition, isWhole);
    if (mayHaveLost || !isWhole) return;
    for (const story of stories) this.#judgePromises(story, linesByPartition);
  }

  #judgeShown(log: readonly (readonly Seen[])[]): void {
    const starts = log.map((records) => records[0]?.offset ?? 0);
    for (const [key, value] of this.#shown) {
      const [partition = 0, offset = 0] = key.split(':').map(Number);
      const start = starts[partition] ?? 0;
      if (offset >= start && log[partition]?.[offset - start] === undefined) {
        this.#world.violate('I-1', `${short(value)} was shown at ${key}, and is not in the log at the end`);
        return;
      }
    }
  }

  #judgeOrder(story: ProducerStory, linesByPartition: LinesByPartition, isWhole: boolean): void {
    const lists = linesByPartition.map((lines) => lines.get(story.name) ?? []);
    for (const [partition, lines] of lists.entries()) {
      const unordered = lines.findIndex((line, at) => at > 0 && line <= (lines[at - 1] ?? -1));
      if (unordered !== -1) {
        const rule = lines.indexOf(lines[unordered] ?? -1) < unordered ? 'I-5' : 'I-4';
        this.#world.violate(
          rule,
          `partition ${partition} has line ${lines[unordered]} of ${story.name} after ${lines[unordered - 1]}`,
        );
      }
    }
    // With one partition the order of sending is the order of the log, so what is there is a prefix.
    const there = new Set(lists.flat());
    if (isWhole && lists.length === 1 && there.size > 0 && !there.has(there.size - 1)) {
      this.#world.violate('I-4', `the ${there.size} lines of ${story.name} in the log are no prefix of its input`);
    }
  }

  #judgePromises(story: ProducerStory, linesByPartition: LinesByPartition): void {
    const there = new Set(linesByPartition.flatMap((lines) => lines.get(story.name) ?? []));
    const promised = story.isDone ? story.fedCount : story.ackedCount;
    for (let line = 0; line < promised; line++) {
      if (there.has(line)) continue;
      const what = story.isDone ? 'exited 0' : `was acked ${story.ackedCount} lines`;
      this.#world.violate('I-1', `${story.name} ${what}, and its line ${line} is not in the log`);
      break;
    }
  }
}

export function lineOf(producer: string, line: number, paddingBytes: number): string {
  return `${producer}:${line}:${'.'.repeat(paddingBytes)}`;
}

function linesByProducer(records: readonly Seen[]): ReadonlyMap<string, number[]> {
  const lines = new Map<string, number[]>();
  for (const { value } of records) {
    const [producer = '', line = ''] = value.split(':');
    const list = lines.get(producer);
    if (list === undefined) lines.set(producer, [Number(line)]);
    else list.push(Number(line));
  }
  return lines;
}

function short(value: string): string {
  return value.slice(0, 24);
}

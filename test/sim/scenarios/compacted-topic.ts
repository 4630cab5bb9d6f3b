/**
 * A compacted topic beside the one that a story's ledger is about: lines `<key>:<serial>` of few keys, each serial once, and a reader
 * that knows what may be missing. Commands that need no server compact it as they end.
 */
import { runConsume } from '../../../src/cli/consume.ts';
import { runProduce } from '../../../src/cli/produce.ts';
import { commonOptions, createTopic, spawnCommand } from './commands.ts';
import type { Tale } from './crash-story.ts';

const TOPIC = 'keys';
const KEY_COUNT = 4;
const TIMEOUT_MS = 20_000;
const CONFIGS: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'compact'],
  ['segment.ms', '100'],
  ['min.cleanable.dirty.ratio', '0.1'],
]);

interface KeyStory {
  nextSerial: number;
  /** By key; of the newest line that was acked. */
  readonly acked: Map<string, number>;
  /** Where each serial was shown. */
  readonly offsets: Map<number, number>;
}

interface ShownLine {
  readonly offset: number;
  readonly key: string;
  readonly serial: number;
}

const STORIES = new WeakMap<Tale, KeyStory>();

export async function createCompacted(tale: Tale): Promise<void> {
  STORIES.set(tale, { nextSerial: 0, acked: new Map(), offsets: new Map() });
  await tale.ended(createTopic(tale.sim.machine, 1, CONFIGS, TOPIC));
}

/** Produces lines in a process of its own, and waits for its end. */
export async function feedKeys(tale: Tale, count: number): Promise<void> {
  const story = storyOf(tale);
  const serials = Array.from({ length: count }, () => story.nextSerial++);
  const program = spawnCommand(tale.sim.machine, 'produce-keys', (host) =>
    runProduce(host, commonOptions('directory', TIMEOUT_MS), {
      topic: TOPIC,
      files: [],
      delimiter: Buffer.from('\n'),
      keyDelimiter: Buffer.from(':'),
      partition: undefined,
      codec: 'none',
      acks: -1,
      createPartitions: undefined,
      receipts: undefined,
    }),
  );
  program.stdio.feed(Buffer.from(serials.map((serial) => `${keyOf(serial)}:${serial}\n`).join('')));
  program.stdio.endInput();
  if ((await tale.ended(program)) !== 0) return;
  for (const serial of serials) story.acked.set(keyOf(serial), serial);
}

/** Reads all, and judges what was shown; `isSure`: nothing may have failed on the way. */
export async function judgeKeys(tale: Tale, isSure = true): Promise<void> {
  const { world, machine } = tale.sim;
  const story = storyOf(tale);
  const program = spawnCommand(machine, 'judge-keys', (host) =>
    runConsume(host, commonOptions('directory', 0), {
      topics: [TOPIC],
      partitions: undefined,
      start: { kind: 'earliest' },
      maxRecords: undefined,
      exitAtEnd: true,
      isolation: 'read_uncommitted',
      delimiter: Buffer.from('\n'),
      sink: (out) => ({
        record: (view) => {
          out.text(`${view.offset} `);
          out.bytes(view.source, view.keyStart, view.keyEnd);
          out.byte(32);
          out.bytes(view.source, view.valueStart, view.valueEnd);
          out.byte(10);
        },
      }),
    }),
  );
  const code = await tale.ended(program);
  if (code !== 0) {
    if (isSure) world.violate('I-31', `a consumer ended with ${code}: ${program.stdio.notes().join('; ')}`);
    return;
  }
  const lines = program.stdio.output().toString('latin1').split('\n').slice(0, -1);
  judgeLines(tale, story, lines.map(shownLine));
}

function judgeLines(tale: Tale, story: KeyStory, lines: readonly ShownLine[]): void {
  const { world } = tale.sim;
  const newest = new Map<string, number>();
  let last = -1;
  for (const { offset, key, serial } of lines) {
    if (offset <= last) world.violate('I-3', `offset ${offset} after ${last}`);
    if (key !== keyOf(serial)) world.violate('I-2', `line ${serial} has the key ${key}`);
    const before = story.offsets.get(serial);
    if (before !== undefined && before !== offset)
      world.violate('I-2', `line ${serial} moved from ${before} to ${offset}`);
    story.offsets.set(serial, offset);
    newest.set(key, serial);
    last = offset;
  }
  for (const [key, acked] of story.acked) {
    const left = newest.get(key) ?? -1;
    if (left < acked) world.violate('I-1', `the newest line of ${key} is ${left}, and ${acked} was acked`);
  }
}

function storyOf(tale: Tale): KeyStory {
  const story = STORIES.get(tale);
  if (story === undefined) throw new Error('the topic comes first');
  return story;
}

function keyOf(serial: number): string {
  return `k${serial % KEY_COUNT}`;
}

function shownLine(line: string): ShownLine {
  const [offset, key = '', serial] = line.split(' ');
  return { offset: Number(offset), key, serial: Number(serial) };
}

/** The stories that are crashed at each of their calls. */
import type { Scenario } from '../seed-run.ts';
import { deleteRecords } from './admin.ts';
import { deleteTopic, serve } from './commands.ts';
import { createCompacted, feedKeys, judgeKeys } from './compacted-topic.ts';
import { type CrashStory, crashStory, type Tale } from './crash-story.ts';
import { judgeGroup, liveInGroup } from './group-story.ts';
import type { Seen } from './ledger.ts';

const OTHER = 'u';
/** Entries of the metadata log before the one that a snapshot is due at. */
const ENTRIES_BEFORE_SNAPSHOT = 95;

const STORIES: readonly CrashStory[] = [
  {
    name: 'first-append',
    startsEmpty: true,
    act: async (tale) => {
      await tale.create();
      await tale.feed(3);
    },
  },
  {
    name: 'rolls',
    act: async (tale) => {
      await tale.feed(12);
      await tale.feed(8);
    },
  },
  { name: 'topics', act: makeAndDeleteTopics, judge: judgeOtherTopic },
  {
    name: 'close',
    prepare: async (tale) => void (await tale.feed(6)),
    act: async (tale) => {
      const server = serve(tale.sim.machine);
      await tale.feed(4);
      server.process.signal('SIGTERM');
      await tale.ended(server);
    },
  },
  {
    name: 'open',
    prepare: async (tale) => void (await tale.feed(8)),
    act: async (tale) => {
      await tale.readAll();
      await tale.feed(3);
    },
  },
  {
    name: 'recovery',
    prepare: tearTail,
    act: async (tale) => void (await tale.feed(3)),
  },
  {
    name: 'take-over',
    act: async (tale) => {
      const server = serve(tale.sim.machine);
      const feeding = tale.startFeeding(12);
      await tale.waitMs(150);
      server.process.kill('story');
      await tale.ended(feeding);
    },
  },
  {
    name: 'snapshot',
    prepare: async (tale) => {
      for (let at = 0; at < ENTRIES_BEFORE_SNAPSHOT; at += 1) await tale.alter('topic', 'retention.ms', '3600000');
    },
    act: async (tale) => {
      for (let at = 0; at < 6; at += 1) await tale.alter('topic', 'retention.ms', String(7_200_000 + at));
    },
  },
  {
    name: 'brokerless',
    startsEmpty: true,
    act: async (tale) => {
      await tale.feed(4, { createPartitions: 1 });
      await tale.feed(1, { createPartitions: 1 });
      await tale.feed(1, { createPartitions: 1 });
    },
  },
  {
    name: 'retention',
    configs: { 'retention.bytes': '300' },
    prepare: async (tale) => void (await tale.feed(10)),
    act: async (tale) => {
      await tale.feed(10);
      await tale.feed(10);
      await tale.readAll();
    },
  },
  {
    name: 'delete-records',
    prepare: async (tale) => void (await tale.feed(12)),
    act: async (tale) => {
      await deleteBefore(tale, 4);
      await tale.feed(2);
      await deleteBefore(tale, 9);
    },
    judge: judgeStart,
  },
  {
    name: 'configs',
    prepare: async (tale) => void (await tale.feed(2)),
    act: async (tale) => {
      await tale.alter('topic', 'segment.ms', '5000');
      await tale.alter('brokers', 'log.retention.check.interval.ms', '1000');
      await tale.feed(4);
    },
  },
  {
    name: 'hand-over',
    act: async (tale) => {
      const feeding = tale.startFeeding(14);
      await tale.waitMs(120);
      const server = serve(tale.sim.machine);
      await tale.ended(feeding);
      server.process.signal('SIGTERM');
      await tale.ended(server);
    },
  },
  {
    name: 'rolls-in-os',
    configs: { 'streamctl.durability': 'os', 'segment.ms': '40' },
    isLossy: true,
    act: async (tale) => void (await tale.feed(30)),
  },
  {
    name: 'rolls-in-interval',
    configs: { 'streamctl.durability': 'interval', 'segment.ms': '40' },
    isLossy: true,
    act: async (tale) => void (await tale.feed(30)),
  },
  {
    name: 'stale-line',
    prepare: async (tale) => {
      await tale.create(OTHER);
      await tale.feed(12);
    },
    act: async (tale) => {
      const server = serve(tale.sim.machine);
      await tale.waitMs(300);
      await deleteBefore(tale, 6);
      server.process.kill('story');
      // Somebody who never opens the partition closes cleanly.
      await tale.feed(2, { topic: OTHER });
      judgeStart(tale, await tale.readAll());
    },
    judge: judgeStart,
  },
  {
    name: 'compaction',
    prepare: async (tale) => {
      await createCompacted(tale);
      await feedKeys(tale, 8);
      await feedKeys(tale, 8);
    },
    act: async (tale) => {
      await feedKeys(tale, 6);
      await judgeKeys(tale, false);
      await feedKeys(tale, 7);
    },
    judge: async (tale) => {
      await judgeKeys(tale);
      await feedKeys(tale, 5);
      await judgeKeys(tale);
    },
  },
  {
    name: 'group',
    prepare: async (tale) => void (await tale.feed(6)),
    act: liveInGroup,
    judge: (tale, log) => judgeGroup(tale, (log.at(-1)?.offset ?? -1) + 1),
  },
];

export const CRASH_STORIES: readonly Scenario[] = STORIES.map(crashStory);

/** Three times a topic of one name is made, written to and deleted; the last one stays. */
async function makeAndDeleteTopics(tale: Tale): Promise<void> {
  for (const isLast of [false, false, true]) {
    await tale.create(OTHER);
    await tale.feed(2, { topic: OTHER });
    if (isLast) continue;
    const before = [...tale.ledger.producers.values()].filter(({ topic }) => topic === OTHER);
    const code = await tale.ended(deleteTopic(tale.sim.machine, OTHER));
    if (code === 0) for (const { name } of before) tale.deleted.add(name);
  }
  await tale.feed(2);
}

/** The topic that is there now holds no line that was written before an answered deletion, and of the last all acked ones. */
async function judgeOtherTopic(tale: Tale): Promise<void> {
  const there = new Set((await tale.readAll(OTHER)).map(({ value }) => value.split(':')[0]));
  const written = [...tale.ledger.producers.values()].filter(({ topic }) => topic === OTHER);
  const last = written.at(-1);
  for (const { name } of written) {
    if (!there.has(name) || !tale.deleted.has(name)) continue;
    tale.sim.world.violate('I-2', `${OTHER} holds lines of ${name}, of a topic before`);
  }
  if (last !== undefined && last.ackedCount > 0 && !there.has(last.name)) {
    tale.sim.world.violate('I-1', `${OTHER} holds nothing of ${last.name}, which was acked`);
  }
}

/** Producing ends in the middle: the last batches are torn. */
async function tearTail(tale: Tale): Promise<void> {
  const { machine } = tale.sim;
  await tale.feed(6);
  const feeding = tale.startFeeding(12);
  const story = tale.ledger.producers.get(feeding.process.name);
  await tale.until(() => (story?.ackedCount ?? 0) > 2 || feeding.process.isDead);
  await tale.waitMs(20);
  machine.cutPower({ file: ['sectors'], folder: ['all kept'] });
}

async function deleteBefore(tale: Tale, offset: number): Promise<void> {
  tale.askedBefore = Math.max(tale.askedBefore, offset);
  const program = deleteRecords(tale.sim.machine, 0, offset, ({ errorCode, lowWatermark }) => {
    if (errorCode === 0) tale.deletedBefore = Math.max(tale.deletedBefore, lowWatermark);
  });
  await tale.ended(program);
}

/** I-10: the log starts where an answered DeleteRecords said, or where one that was asked for did. */
function judgeStart(tale: Tale, log: readonly Seen[]): void {
  const start = log[0]?.offset;
  if (start === undefined) return;
  if (start >= tale.deletedBefore && start <= tale.askedBefore) return;
  const text = `starts at ${start}; deleted before ${tale.deletedBefore}, asked for ${tale.askedBefore}`;
  tale.sim.world.violate('I-10', text);
}

/** The rules R11 to R18 as tests of one reader, each with the result that ours must come to. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { sleep } from '../crash/lanes.ts';
import { STREAMCTL } from '../helpers/streamctl.ts';
import type { Count, RuleBench } from './group-rules.ts';

/** 100 records in one partition. */
export const SHORT_TOPIC = 'short';
/** 100,000 records in one partition: more than any pipe holds. */
export const BULK_TOPIC = 'bulk';
/** 500 records in the first of three partitions and in the last; none in the one between. */
export const SHARED_TOPIC = 'shared';
/** Records come all the time, in three partitions. */
export const FLOW_TOPIC = 'flow';

export interface Rule {
  readonly rule: string;
  readonly test: string;
  /** What ours must come to. */
  readonly ours: string;
  play(bench: RuleBench): Promise<string>;
}

const CLEAN = '0 lost, 0 read again';
/** How long whoever should end may take to. */
const PATIENCE_SECONDS = 5;
const LINUX_PIPE_BYTES = 65_536;
/** A commit is due each second. */
const KILL_AFTER_SECONDS = [0.1, 0.4, 0.7, 1, 1.3, 1.6, 1.9, 2.2];
const KILLS_AT_ONCE = 4;
const SIGNALS = ['INT', 'TERM', 'HUP'] as const;

export const RULES: readonly Rule[] = [
  {
    rule: 'R11',
    test: 'to the end, into a file',
    ours: `exit 0, 1000 committed, ${CLEAN}`,
    play: (bench) => readShared(bench, (command) => `${command} > out & gone $! 20`),
  },
  {
    rule: 'R11',
    test: 'to the end, into a pipe',
    ours: `exit 0, 1000 committed, ${CLEAN}`,
    play: (bench) =>
      readShared(
        bench,
        (command) => `mkfifo pipe; cat < pipe > out & cat=$!
          ${command} > pipe & gone $! 20; wait $cat`,
      ),
  },
  {
    rule: 'R11',
    test: 'a full device under 100 short records',
    ours: 'exit 1, 0 committed, 0 lost',
    async play(bench) {
      const group = bench.newGroup();
      const { lines } = await bench.run(`${bench.read({ topic: SHORT_TOPIC, group, exitsAtEnd: true })} > /dev/full &
        gone $! 20`);
      const { committed, lost } = await bench.count(group);
      return `${lines[0]}, ${committed} committed, ${lost} lost`;
    },
  },
  {
    rule: 'R11',
    test: `kill -9 at ${KILL_AFTER_SECONDS.length} moments, into a file`,
    ours: `0 of ${KILL_AFTER_SECONDS.length} kills lost records, 0 in all`,
    play: (bench) => killed(bench, (command, output) => `${command} > ${output} & pid=$!; cat=`),
  },
  {
    rule: 'R11',
    test: `kill -9 at ${KILL_AFTER_SECONDS.length} moments, into a pipe`,
    ours: `0 of ${KILL_AFTER_SECONDS.length} kills lost records, 0 in all`,
    play: (bench) =>
      killed(
        bench,
        (command, output) => `mkfifo ${output}.pipe; cat < ${output}.pipe > ${output} & cat=$!
          ${command} > ${output}.pipe & pid=$!`,
      ),
  },
  {
    rule: 'R12',
    test: 'the reader of the pipe leaves after 3 of 100,000 lines',
    ours: 'exit 141, without a word, at most what the pipe took committed, left',
    play: readerLeaves,
  },
  {
    rule: 'R13',
    test: 'the reader of an idle pipe leaves',
    ours: 'exit 141',
    async play(bench) {
      const group = bench.newGroup();
      const topic = await newTopic(bench, group, 3);
      const { lines } = await bench.run(`mkfifo pipe; : > three; head -n 3 < pipe > three & head=$!
        ${bench.read({ topic, group, isUnbuffered: true })} > pipe & pid=$!
        until_true '[ $(wc -l < three) = 3 ]'; wait $head
        gone $pid ${PATIENCE_SECONDS}`);
      return `${lines[0]}`;
    },
  },
  ...SIGNALS.map((signal) => ({
    rule: 'R14',
    test: `SIG${signal} while records come`,
    ours: `exit ${{ INT: 130, TERM: 143, HUP: 129 }[signal]}, ${CLEAN}, left`,
    async play(bench: RuleBench) {
      const group = bench.newGroup();
      const { lines } = await bench.run(`: > out
        ${bench.read({ topic: FLOW_TOPIC, group })} > out & pid=$!
        until_true '[ -s out ]'; kill -${signal} $pid; gone $pid 20`);
      return `${lines[0]}, ${told(await bench.count(group, 'out'))}, ${await leaving(bench, group)}`;
    },
  })),
  {
    rule: 'R15',
    test: '-c 10 of 100,000 records',
    ours: `exit 0, 10 committed, ${CLEAN}, left`,
    async play(bench) {
      const group = bench.newGroup();
      const { lines } = await bench.run(`${bench.read({ topic: BULK_TOPIC, group, count: 10 })} > out &
        gone $! 20`);
      const count = await bench.count(group, 'out');
      return `${lines[0]}, ${count.committed} committed, ${told(count)}, ${await leaving(bench, group)}`;
    },
  },
  {
    rule: 'R15',
    test: 'a member that fails (a full device under 100,000 records)',
    ours: 'exit 1, 0 committed, left',
    async play(bench) {
      const group = bench.newGroup();
      const { lines } = await bench.run(`${bench.read({ topic: BULK_TOPIC, group })} > /dev/full &
        gone $! 20`);
      const { committed } = await bench.count(group);
      return `${lines[0]}, ${committed} committed, ${await leaving(bench, group)}`;
    },
  },
  {
    rule: 'R16',
    test: 'two members to the end at once, one partition of three empty',
    ours: `exit 0, exit 0, 1000 committed, ${CLEAN}, 0 twice`,
    async play(bench) {
      const group = bench.newGroup();
      const command = bench.read({ topic: SHARED_TOPIC, group, exitsAtEnd: true });
      const { lines } = await bench.run(`${command} > a & a=$!; ${command} > b & b=$!
        gone $a 20; gone $b 20`);
      const count = await bench.count(group, 'a', 'b');
      return `${lines.join(', ')}, ${count.committed} committed, ${told(count)}, ${count.twice} twice`;
    },
  },
  {
    rule: 'R16',
    test: 'to the end, as the second member of one partition that is read already',
    ours: 'exit 0',
    play: withoutPartition,
  },
  {
    rule: 'R16',
    test: 'to the end, where the group is there already',
    ours: 'exit 0, 0 lines',
    async play(bench) {
      const group = bench.newGroup();
      const command = bench.read({ topic: SHARED_TOPIC, group, exitsAtEnd: true });
      const { lines } = await bench.run(`${command} > first & gone $! 20; ${command} > out & gone $! 20; wc -l < out`);
      return `${lines[1]}, ${lines[2]} lines`;
    },
  },
  {
    rule: 'R17',
    test: 'a topic that does not exist',
    ours: 'exit 5, no topic made',
    async play(bench) {
      const group = bench.newGroup();
      const topic = `nosuch-${group}`;
      const { lines } = await bench.run(`${bench.read({ topic, group })} > out & gone $! ${PATIENCE_SECONDS}`);
      const listed = await bench.tool('topics list');
      return `${lines[0]}, ${listed.stdout.toString().includes(topic) ? 'topic made' : 'no topic made'}`;
    },
  },
  {
    rule: 'R18',
    test: 'the group is at 10, the log begins at 50',
    ours: 'exit 9, told, stays at 10',
    play: (bench) => atGap(bench, false),
  },
  {
    rule: 'R18',
    test: 'the same with --on-gap earliest',
    ours: 'exit 0, told, goes on at 50',
    play: (bench) => atGap(bench, true),
  },
];

/** `script` writes to `out`. */
async function readShared(bench: RuleBench, script: (command: string) => string): Promise<string> {
  const group = bench.newGroup();
  const { lines } = await bench.run(script(bench.read({ topic: SHARED_TOPIC, group, exitsAtEnd: true })));
  const count = await bench.count(group, 'out');
  return `${lines[0]}, ${count.committed} committed, ${told(count)}`;
}

/**
 * Readers of a group each, killed at another moment each, counted from the group's first commit. `start` sets `pid`, and `cat` to who
 * reads the pipe.
 */
async function killed(bench: RuleBench, start: (command: string, output: string) => string): Promise<string> {
  const losses: number[] = [];
  await withAdmin(bench, async (admin) => {
    const kill = async (afterSeconds: number): Promise<number> => {
      const group = bench.newGroup();
      const playing = bench.run(`${start(bench.read({ topic: FLOW_TOPIC, group }), group)}
        until_true '[ -e ${group}.committed ]'; sleep ${afterSeconds}; kill -9 $pid; gone $pid 20; wait $cat`);
      await firstCommit(admin, group);
      writeFileSync(join(bench.folder, `${group}.committed`), '');
      await playing;
      return (await bench.count(group, group)).lost;
    };
    for (let at = 0; at < KILL_AFTER_SECONDS.length; at += KILLS_AT_ONCE) {
      losses.push(...(await Promise.all(KILL_AFTER_SECONDS.slice(at, at + KILLS_AT_ONCE).map(kill))));
    }
  });
  const sum = losses.reduce((total, lost) => total + lost, 0);
  return `${losses.filter((lost) => lost > 0).length} of ${losses.length} kills lost records, ${sum} in all`;
}

async function firstCommit(admin: Admin, groupId: string): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const [found] = await admin.fetchOffsets({ groupId, topics: [FLOW_TOPIC] });
    if (found?.partitions.some(({ offset }) => Number(offset) > 0)) return;
    await sleep(50);
  }
  assert.fail(`${groupId} has committed nothing for 20 s`);
}

async function readerLeaves(bench: RuleBench): Promise<string> {
  const group = bench.newGroup();
  const { lines } = await bench.run(`mkfifo pipe; (read -r a; read -r b; read -r c) < pipe &
    ${bench.read({ topic: BULK_TOPIC, group, exitsAtEnd: true })} > pipe 2> err & gone $! 20`);
  const { committed } = await bench.count(group);
  const committedBytes = Array.from({ length: committed }, (_, offset) => `0 ${offset}\n`).join('').length;
  const isTaken = committedBytes <= LINUX_PIPE_BYTES + '0 0\n0 1\n0 2\n'.length;
  const told = readFileSync(join(bench.folder, 'err'), 'latin1') === '' ? 'without a word' : 'told';
  return `${lines[0]}, ${told}, ${isTaken ? 'at most what the pipe took' : committed} committed, ${await leaving(bench, group)}`;
}

/** Both are static members, so that whoever assigns begins with the one that was there first. */
async function withoutPartition(bench: RuleBench): Promise<string> {
  const group = bench.newGroup();
  const waiting = `'${process.execPath}' '${STREAMCTL}' groups wait ${group} --until-lag 0 --max-time 20s -q -b ${bench.bootstrap}`;
  const { lines } = await bench.run(`
    ${bench.read({ topic: SHORT_TOPIC, group, instanceId: 'a' })} > a & holder=$!
    ${waiting} > /dev/null
    ${bench.read({ topic: SHORT_TOPIC, group, instanceId: 'b', exitsAtEnd: true })} > b & gone $! ${PATIENCE_SECONDS}
    kill -INT $holder; gone $holder 20`);
  return `${lines[0]}`;
}

async function atGap(bench: RuleBench, crossesGaps: boolean): Promise<string> {
  const group = bench.newGroup();
  const topic = await newTopic(bench, group, 100);
  const set = await bench.tool(`offsets set ${group} ${topic}:0=10 --yes`);
  assert.equal(set.status, 0, set.stderr);
  await deleteRecords(bench, topic, 50);
  const { lines, stderr } = await bench.run(`: > out
    ${bench.read({ topic, group, exitsAtEnd: true, crossesGaps })} > out & gone $! 20`);
  const [first] = readFileSync(join(bench.folder, 'out'), 'latin1').split('\n');
  const committed = (await bench.committed(group)).get(0);
  const end = first ? `goes on at ${first.split(' ')[1]}` : `stays at ${committed}`;
  return `${lines[0]}, ${/\b(10|50)\b/.test(stderr) ? 'told' : 'without a word'}, ${end}`;
}

/** As retention would: the log begins at `offset` from now on. */
async function deleteRecords(bench: RuleBench, topic: string, offset: number): Promise<void> {
  await withAdmin(bench, async (admin) => {
    // It looks for the leader in what it knows already, and asks nobody.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
  });
}

async function withAdmin<T>(bench: RuleBench, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: [bench.bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

async function newTopic(bench: RuleBench, group: string, records: number): Promise<string> {
  const topic = `t-${group}`;
  const input = Array.from({ length: records }, (_, at) => `${at}\n`).join('');
  const made = await bench.tool(`produce ${topic} --create -q`, input);
  assert.equal(made.status, 0, made.stderr);
  return topic;
}

function told({ lost, again }: Count): string {
  return `${lost} lost, ${again} read again`;
}

async function leaving(bench: RuleBench, group: string): Promise<string> {
  return (await bench.hasLeft(group)) ? 'left' : 'still a member';
}

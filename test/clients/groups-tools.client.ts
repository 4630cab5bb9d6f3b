/** kafka-consumer-groups, kafka-verifiable-consumer and kafka-console-consumer of a real Kafka against our broker, in groups of both kinds. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { streamctl, withFolder } from '../helpers/streamctl.ts';
import { javaArguments, kafkaJars, runJava } from './kafka-jars.ts';
import { need, withServed } from './suite.ts';

const GROUPS_TOOL = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';
const CONSOLE_CONSUMER = 'org.apache.kafka.tools.consumer.ConsoleConsumer';
const VERIFIABLE_CONSUMER = 'org.apache.kafka.tools.VerifiableConsumer';
const PROTOCOLS = ['classic', 'consumer'] as const;
/** Of the topic's three partitions: the lines produced, as offsets. */
const ENDS: Readonly<Record<string, number>> = { 0: 30, 1: 20, 2: 0 };
const LINE_COUNT = 50;
/** The machine may be slow: waits are for conditions, and end only where something hangs. */
const PATIENCE_MS = 180_000;

describe('Kafka’s tools for groups', function () {
  this.timeout(900_000);

  before(function () {
    need(this, kafkaJars);
  });

  for (const protocol of PROTOCOLS) {
    it(`kafka-console-consumer reads in a ${protocol} group and goes on where it was`, () =>
      withServed(async ({ bootstrap }) => {
        await makeTopic(bootstrap);
        const some = await consoleConsumer(bootstrap, protocol, ['--from-beginning', '--max-messages', '20']);
        const rest = await consoleConsumer(bootstrap, protocol, ['--from-beginning', '--max-messages', '30']);
        assert.equal(some.length, 20);
        assert.deepEqual(numerically([...some, ...rest]), upTo(LINE_COUNT), 'each line once');
        assert.deepEqual(await lagOf(bootstrap, `g-${protocol}`), { 0: 0, 1: 0 });
      }));

    it(`kafka-verifiable-consumer shares a ${protocol} group, which kafka-consumer-groups lists and describes`, () =>
      withServed(async ({ bootstrap }) => {
        await makeTopic(bootstrap);
        const group = `g-${protocol}`;
        const one = new VerifiableConsumer(bootstrap, protocol, group);
        const two = new VerifiableConsumer(bootstrap, protocol, group);
        try {
          await until(() => one.assigned.length + two.assigned.length === 3 && one.consumed + two.consumed >= 50);
          assert.deepEqual([...one.assigned, ...two.assigned].sort(), [0, 1, 2], 'each partition has one owner');
          await until(() => one.committed + two.committed >= 1);
          await describeInAllModes(bootstrap, group, protocol);
          const refused = await groups(bootstrap, '--delete', '--group', group);
          assert.match(refused, /GroupNotEmptyException/);
          await one.leave();
          await until(() => two.assigned.length === 3);
        } finally {
          await one.leave();
          await two.leave();
        }
        const described = await groups(bootstrap, '--describe', '--group', group, '--state');
        assert.match(described, /\bEmpty\b/);
        assert.equal(one.consumed + two.consumed, LINE_COUNT, 'none lost, none twice');
      }));
  }

  it('kafka-consumer-groups resets in every way, deletes offsets and groups', () =>
    withServed(({ bootstrap }) =>
      withFolder(async (folder) => {
        await makeTopic(bootstrap);
        for (const protocol of PROTOCOLS) {
          await consoleConsumer(bootstrap, protocol, ['--from-beginning', '--max-messages', `${LINE_COUNT}`]);
        }
        for (const reset of await resets(bootstrap, folder)) await checkReset(bootstrap, reset);

        const deleted = await groups(bootstrap, '--delete-offsets', '--group', 'g-classic', '--topic', 't:0');
        assert.match(deleted, /t\s+0\s+Successful/);
        assert.deepEqual(Object.keys(await offsetsOf(bootstrap, 'g-classic')), ['1', '2']);
        assert.match(
          await groups(bootstrap, '--delete', '--group', 'g-classic', '--group', 'g-consumer'),
          /Deletion of requested consumer groups \((?:'g-c\w+'(?:, )?){2}\) was successful/,
        );
        assert.equal((await groups(bootstrap, '--list')).trim(), '');
        assert.match(await groups(bootstrap, '--delete', '--group', 'g-classic'), /GroupIdNotFoundException/);
      }),
    ));
});

async function makeTopic(bootstrap: string): Promise<void> {
  const made = await streamctl(['topics', 'create', 't', '--partitions', '3', '-b', bootstrap]);
  assert.equal(made.status, 0, made.stderr);
  let next = 1;
  for (const [partition, count] of Object.entries(ENDS)) {
    if (count === 0) continue;
    const input = Array.from({ length: count }, () => `${next++}\n`).join('');
    const produced = await streamctl(['produce', 't', '--partition', partition, '-b', bootstrap], { input });
    assert.equal(produced.status, 0, produced.stderr);
  }
}

/** The lines that it prints. It must end well. */
async function consoleConsumer(bootstrap: string, protocol: string, args: readonly string[]): Promise<number[]> {
  const done = await runJava(CONSOLE_CONSUMER, [
    ...['--bootstrap-server', bootstrap, '--topic', 't', '--group', `g-${protocol}`],
    ...['--command-property', `group.protocol=${protocol}`, '--timeout-ms', `${PATIENCE_MS}`, ...args],
  ]);
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim().split('\n').map(Number);
}

async function groups(bootstrap: string, ...args: string[]): Promise<string> {
  const done = await runJava(GROUPS_TOOL, ['--bootstrap-server', bootstrap, '--timeout', `${PATIENCE_MS}`, ...args]);
  return (done.stdout + done.stderr).replaceAll(/ +$/gm, '');
}

async function describeInAllModes(bootstrap: string, group: string, protocol: 'classic' | 'consumer'): Promise<void> {
  const kind = protocol === 'classic' ? 'Classic' : 'Consumer';
  // Members of KIP-848 say with a later heartbeat that they have what they were given.
  const isStable = new RegExp(`^${group} +Stable$`, 'm');
  await until(async () => isStable.test(await groups(bootstrap, '--list', '--state')));
  assert.match(await groups(bootstrap, '--list', '--type'), new RegExp(`^${group} +${kind}$`, 'm'));
  const other = protocol === 'classic' ? 'consumer' : 'classic';
  assert.doesNotMatch(await groups(bootstrap, '--list', '--type', other), new RegExp(group));
  assert.match(await groups(bootstrap, '--list', '--state', 'stable'), new RegExp(`^${group} `, 'm'));
  assert.doesNotMatch(await groups(bootstrap, '--list', '--state', 'empty,dead'), new RegExp(`^${group} `, 'm'));

  const described = (...mode: string[]) => groups(bootstrap, '--describe', '--group', group, ...mode);
  const offsets = await described('--offsets');
  assert.match(offsets, new RegExp(`^${group} +t +0 +30 +30 +0 +\\S+ +/127\\.0\\.0\\.1 +\\S+`, 'm'));
  assert.match(offsets, new RegExp(`^${group} +t +1 +20 +20 +0 +\\S+ +/127\\.0\\.0\\.1 +\\S+`, 'm'));
  assert.match(await described('--offsets', '--verbose'), new RegExp(`^${group} +t +0 +\\S+ +30 +30 +0 `, 'm'));
  const members = (await described('--members')).trim().split('\n');
  assert.equal(members.length, 3, members.join('\n'));
  const owned = members.slice(1).map((line) => Number(line.trim().split(/\s+/).at(-1)));
  assert.deepEqual(owned.sort(), [1, 2]);
  const verbose = await described('--members', '--verbose');
  for (const partition of [0, 1, 2]) assert.match(verbose, new RegExp(`t[:(][0-2,]*\\b${partition}\\b`));
  assert.match(verbose, protocol === 'classic' ? /ASSIGNMENT/ : /CURRENT-EPOCH +CURRENT-ASSIGNMENT +TARGET-EPOCH/);
  const state = await described('--state');
  assert.match(state, new RegExp(`^${group} +127\\.0\\.0\\.1:\\d+ +\\(1\\) +(range|uniform) +Stable +2$`, 'm'));
  const verboseState = await described('--state', '--verbose');
  assert.match(verboseState, /Stable +\S+ +\S+ +2$/m);
}

interface Reset {
  readonly how: readonly string[];
  readonly expected: Readonly<Record<string, number>>;
  /** That the file names the group and not the command, which may be one group's. */
  readonly group?: string;
}

/** One after the other: each begins where the one before it left the groups. */
async function resets(bootstrap: string, folder: string): Promise<readonly Reset[]> {
  const [start, ends] = [{ 0: 0, 1: 0, 2: 0 }, ENDS];
  const past = new Date(Date.now() - 86_400_000).toISOString().slice(0, -1);
  const future = new Date(Date.now() + 86_400_000).toISOString().slice(0, -1);
  // A file without the group is for the one that the command names.
  const file = join(folder, 'offsets.csv');
  writeFileSync(file, 't,0,7\nt,1,8\nt,2,0\n');
  const exported = join(folder, 'exported.csv');
  const plan = await groups(
    bootstrap,
    ...['--reset-offsets', '--group', 'g-classic', '--topic', 't', '--to-offset', '3', '--dry-run', '--export'],
  );
  assert.deepEqual(
    plan.trim().split('\n').sort(),
    ['"t",0,3', '"t",1,3', '"t",2,0'].map((line) => line.replaceAll('"', '')),
  );
  writeFileSync(exported, plan);
  return [
    { how: ['--to-earliest'], expected: start },
    { how: ['--to-latest'], expected: ends },
    { how: ['--to-offset', '10'], expected: { 0: 10, 1: 10, 2: 0 } },
    { how: ['--shift-by', '5'], expected: { 0: 15, 1: 15, 2: 0 } },
    { how: ['--shift-by', '-12'], expected: { 0: 3, 1: 3, 2: 0 } },
    { how: ['--to-current'], expected: { 0: 3, 1: 3, 2: 0 } },
    { how: ['--to-datetime', future], expected: ends },
    { how: ['--to-datetime', past], expected: { 0: 0, 1: 0, 2: 0 } },
    { how: ['--by-duration', 'PT0S'], expected: ends },
    { how: ['--by-duration', 'P1D'], expected: { 0: 0, 1: 0, 2: 0 } },
    { how: ['--from-file', file], expected: { 0: 7, 1: 8, 2: 0 }, group: 'g-classic' },
    { how: ['--from-file', exported], expected: { 0: 3, 1: 3, 2: 0 }, group: 'g-consumer' },
  ];
}

/** A dry run says it and changes nothing; then it is done. */
async function checkReset(bootstrap: string, { how, expected, group }: Reset): Promise<void> {
  const scope = [
    ...(group === undefined ? ['--group', 'g-classic', '--group', 'g-consumer'] : ['--group', group]),
    ...(how[0] === '--from-file' ? [] : ['--topic', 't']),
  ];
  const groupIds = group === undefined ? ['g-classic', 'g-consumer'] : [group];
  const before = await Promise.all(groupIds.map((groupId) => offsetsOf(bootstrap, groupId)));
  const planned = await groups(bootstrap, '--reset-offsets', ...scope, ...how, '--dry-run');
  for (const groupId of groupIds)
    assert.deepEqual(newOffsets(planned, groupId), expected, `${how.join(' ')}: ${planned}`);
  assert.deepEqual(await Promise.all(groupIds.map((groupId) => offsetsOf(bootstrap, groupId))), before);
  const done = await groups(bootstrap, '--reset-offsets', ...scope, ...how, '--execute');
  for (const groupId of groupIds) {
    assert.deepEqual(newOffsets(done, groupId), expected, `${how.join(' ')}: ${done}`);
    assert.deepEqual(await offsetsOf(bootstrap, groupId), expected, how.join(' '));
  }
}

/** Partition -> NEW-OFFSET in the table that the tool prints. */
function newOffsets(table: string, groupId: string): Record<string, number> {
  const rows = table.matchAll(new RegExp(`^${groupId} +t +(\\d+) +(\\d+)\\s*$`, 'gm'));
  return Object.fromEntries([...rows].map(([, partition, offset]) => [partition, Number(offset)]));
}

/** Partition -> committed offset of `t`, of those that have one. */
async function offsetsOf(bootstrap: string, groupId: string): Promise<Record<string, number>> {
  return withAdmin(bootstrap, async (admin) => {
    const [fetched] = await admin.fetchOffsets({ groupId, topics: ['t'] });
    const committed = (fetched?.partitions ?? []).filter(({ offset }) => offset !== '-1');
    return Object.fromEntries(
      committed.map(({ partition, offset }) => [partition, Number(offset)] as const).sort(([a], [b]) => a - b),
    );
  });
}

/** Partition -> lines behind the committed offset, of those that have lines. */
async function lagOf(bootstrap: string, groupId: string): Promise<Record<string, number>> {
  const committed = await offsetsOf(bootstrap, groupId);
  const withLines = Object.entries(ENDS).filter(([, end]) => end > 0);
  return Object.fromEntries(withLines.map(([partition, end]) => [partition, end - (committed[partition] ?? 0)]));
}

async function withAdmin<T>(bootstrap: string, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ clientId: 'groups-suite', brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** A kafka-verifiable-consumer in the background, and what its events say. */
class VerifiableConsumer {
  readonly #process: ChildProcess;
  readonly #gone: Promise<number | null>;
  #assigned = new Set<number>();
  #rest = '';
  #stderr = '';
  consumed = 0;
  committed = 0;
  #hasShutDown = false;

  constructor(bootstrap: string, protocol: string, group: string) {
    const args = ['--bootstrap-server', bootstrap, '--topic', 't', '--group-id', group];
    this.#process = spawn('java', javaArguments(VERIFIABLE_CONSUMER, [...args, '--group-protocol', protocol]));
    this.#gone = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.stdout?.on('data', (chunk: Buffer) => this.#hear(chunk.toString()));
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
  }

  get assigned(): readonly number[] {
    return [...this.#assigned];
  }

  /** Asks it to end and expects that it does so well; the second time nothing. */
  async leave(): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.#gone;
    assert.ok(this.#hasShutDown, `ended by itself: ${this.#stderr}`);
    this.#assigned.clear();
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = JSON.parse(line);
      const partitions = (event.partitions ?? []).map(({ partition }: { partition: number }) => partition);
      if (event.name === 'partitions_assigned') for (const one of partitions) this.#assigned.add(one);
      if (event.name === 'partitions_revoked') for (const one of partitions) this.#assigned.delete(one);
      if (event.name === 'records_consumed') this.consumed += event.count;
      if (event.name === 'offsets_committed' && event.success) this.committed += 1;
      if (event.name === 'shutdown_complete') this.#hasShutDown = true;
    }
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < endMs, `waited for ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

function numerically(values: readonly number[]): number[] {
  return [...values].sort((left, right) => left - right);
}

/** One life of a group by our commands, with a member of ours in the middle: the same on our broker and on a real Kafka. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { cleanEnvironment, ended, STREAMCTL, streamctl } from './streamctl.ts';

export type GroupType = 'classic' | 'consumer';

type Run = (args: string, status?: number, input?: string) => Promise<string>;

/** `target` is `--dir D` or `-b HOST:PORT`; topic and groups get names of their own by `type`. */
export async function groupsStory(target: readonly string[], type: GroupType): Promise<void> {
  const run: Run = async (args, status = EXIT.ok, input = '') => {
    const done = await streamctl([...args.split(' '), ...target], { input });
    assert.equal(done.status, status, `${args}: ${done.stderr}${done.stdout}`);
    return done.stdout.toString();
  };
  const [topic, group] = [`t-${type}`, `g-${type}`];
  const numbers = (count: number): string => Array.from({ length: count }, (_, at) => `${at}\n`).join('');
  await run(`topics create ${topic} --partitions 2`);
  await run(`produce ${topic} -p 0 -q`, EXIT.ok, numbers(100));
  await run(`produce ${topic} -p 1 -q`, EXIT.ok, numbers(10));
  await run(`groups describe ${group}`, EXIT.notFound);
  await run(`groups create ${group} -t ${topic} --to 5`);
  await run(`groups create ${group} -t ${topic}`, EXIT.conflict);
  await run(`groups reset ${group} --by 2 --execute`);
  assert.deepEqual(await offsets(run, group), [7, 7]);
  await withMember(run, target, { topic, group, type });
  assert.deepEqual(await offsets(run, group), [100, 10]);
  await lags(run, topic, group);
  await carries(run, topic, group);
}

async function offsets(run: Run, group: string): Promise<number[]> {
  const document = JSON.parse(await run(`offsets get ${group} --json`));
  return document.items.map(({ offset }: { offset: number }) => offset);
}

/** A member reads to the end; meanwhile nobody may move what it commits. */
async function withMember(
  run: Run,
  target: readonly string[],
  { topic, group, type }: { readonly topic: string; readonly group: string; readonly type: GroupType },
): Promise<void> {
  const args = [STREAMCTL, 'consume', topic, '-g', group, '--group-protocol', type, ...target];
  const member = spawn(process.execPath, args, { env: cleanEnvironment() });
  const left = ended(member);
  try {
    await run(`groups wait ${group} --until-lag 0 --until-state Stable --max-time 60s --interval 200ms`);
    const [described] = JSON.parse(await run(`groups describe ${group} --json`)).items;
    assert.equal(described.type, type);
    assert.equal(described.members.length, 1);
    assert.deepEqual(described.members[0].assignment, [{ topic, partitions: [0, 1] }]);
    assert.match(await run(`groups members ${group}`), new RegExp(`${topic}\\(0,1\\)`));
    const [listed] = JSON.parse(await run('groups list --state stable --json')).items;
    assert.deepEqual([listed.groupId, listed.type, listed.protocolType], [group, type, 'consumer']);
    await run(`groups reset ${group} --to earliest`, EXIT.conflict);
    await run(`groups delete ${group} --yes`, EXIT.conflict);
    await run(`offsets set ${group} ${topic}:0=1 --yes`, EXIT.conflict);
    await run(`offsets delete ${group} -t ${topic} --yes`, EXIT.conflict);
    assert.equal(await run(`groups peek ${group}`), '');
  } finally {
    member.kill('SIGTERM');
    await left;
  }
  await run(`groups wait ${group} --until-state Empty --max-time 60s --interval 200ms`);
  assert.equal((await left).stdout.toString().split('\n').length, 93 + 3 + 1);
}

async function lags(run: Run, topic: string, group: string): Promise<void> {
  await run(`check lag ${group} --warn 0 --crit 0`);
  await run(`produce ${topic} -p 1 -q -z gzip`, EXIT.ok, 'one\n');
  await run(`check lag ${group} --warn 0`, 1);
  await run(`check lag ${group} --warn 0 --crit 1ms`, 2);
  await run('check lag absent', 3);
  assert.match(
    await run(`check lag ${group} -F prometheus`),
    new RegExp(`kafka_consumergroup_group_lag.*"${group}". 1\n`),
  );
  const [{ lag, lagMs }] = JSON.parse(await run(`groups lag ${group} --json`)).items;
  assert.equal(lag, 1);
  assert.ok(lagMs > 0 && lagMs < 120_000, `${lagMs} ms`);
  assert.equal(await run(`groups peek ${group}`), 'one\n');
}

async function carries(run: Run, topic: string, group: string): Promise<void> {
  const lines = await run(`offsets export ${group}`);
  await run(`groups reset ${group} --to earliest --execute`);
  assert.deepEqual(await offsets(run, group), [0, 0]);
  await run('offsets import - --yes', EXIT.ok, lines);
  assert.equal(await run(`offsets export ${group}`), lines);
  await run(`groups clone ${group} copy-of-${group}`);
  await run(`offsets delete copy-of-${group} -t ${topic}:0 --yes`);
  assert.deepEqual(await offsets(run, `copy-of-${group}`), [10]);
  await run(`offsets set ${group} ${topic}:0=1 absent:0=1 --yes`, EXIT.partial);
  await run(`groups delete ${group} copy-of-${group} absent --yes`, EXIT.partial);
  assert.deepEqual(JSON.parse(await run('groups list --json')).items, []);
}

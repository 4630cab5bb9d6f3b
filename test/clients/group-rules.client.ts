/**
 * The rules R11 to R18 of `consume --group`, each played by ours and by `kcat -G` in one harness. Ours is held to its result, kcat's is
 * taken down. The table is printed at the end, and UPDATE_GROUP_RULES=1 writes it to docs/group-rules.md.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { feed } from '../crash/paced-input.ts';
import { cleanEnvironment, type Serving, STREAMCTL, startServe, streamctl } from '../helpers/streamctl.ts';
import { KCAT, OURS, type Reader, RuleBench } from './group-rules.ts';
import { BULK_TOPIC, FLOW_TOPIC, RULES, type Rule, SHARED_TOPIC, SHORT_TOPIC } from './group-rules-played.ts';
import { kcat, run } from './peers.ts';
import { need, sequence } from './suite.ts';

const DOCUMENT = new URL('../../docs/group-rules.md', import.meta.url);
const PARTITIONS = 3;

describe('R11 to R18: consume --group and kcat -G in one harness', function () {
  this.timeout(120_000);
  const results = new Map<string, string>();
  let serving: Serving | undefined;
  let folder: string;
  let flow: { stop(): Promise<void> } | undefined;
  let bootstrap: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'streamctl-test-'));
    serving = await startServe(`${folder}/data`);
    bootstrap = serving.bootstrap;
    await fill(bootstrap);
    flow = startFlow(bootstrap);
  });

  after(async () => {
    await flow?.stop();
    const status = await serving?.stop();
    rmSync(folder, { recursive: true, force: true });
    assert.equal(status, 0);
    if (results.size === 0) return;
    const table = tableOf(results);
    process.stdout.write(`\n${table}\n`);
    const isWhole = RULES.every((rule) => results.has(keyOf(rule, KCAT)));
    if (process.env['UPDATE_GROUP_RULES'] && isWhole) writeFileSync(DOCUMENT, await documentOf(table));
  });

  for (const rule of RULES) {
    it(`${rule.rule}: ${rule.test}: streamctl`, async () => {
      const result = await rule.play(new RuleBench(OURS, bootstrap, folder));
      results.set(keyOf(rule, OURS), result);
      assert.equal(result, rule.ours);
    });

    it(`${rule.rule}: ${rule.test}: kcat -G`, async function () {
      need(this, kcat);
      results.set(keyOf(rule, KCAT), await rule.play(new RuleBench(KCAT, bootstrap, folder)));
    });
  }
});

function keyOf(rule: Rule, reader: Reader): string {
  return `${rule.rule} ${rule.test} ${reader.name}`;
}

async function fill(bootstrap: string): Promise<void> {
  const tool = async (args: string, input: Buffer | string = ''): Promise<void> => {
    const done = await streamctl([...args.split(' '), '-b', bootstrap], { input });
    assert.equal(done.status, 0, done.stderr);
  };
  for (const topic of [FLOW_TOPIC, SHARED_TOPIC]) await tool(`topics create ${topic} --partitions ${PARTITIONS}`);
  await tool(`produce ${SHORT_TOPIC} --create -q`, sequence(100));
  await tool(`produce ${BULK_TOPIC} --create -q`, sequence(100_000));
  await tool(`produce ${SHARED_TOPIC} -p 0 -q`, sequence(500));
  await tool(`produce ${SHARED_TOPIC} -p 2 -q`, sequence(500));
}

/** 150 records a second, for as long as the suite runs. */
function startFlow(bootstrap: string): { stop(): Promise<void> } {
  const producers = Array.from({ length: PARTITIONS }, (_, partition) => {
    const args = [STREAMCTL, 'produce', FLOW_TOPIC, '-p', String(partition), '-q', '-b', bootstrap];
    const child = spawn(process.execPath, args, {
      env: cleanEnvironment(),
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const pace = { linesPerTick: 1, tickMs: 20, ticks: Number.MAX_SAFE_INTEGER };
    return { child, feeding: feed(child.stdin, `p${partition}`, pace), gone: gone(child) };
  });
  return {
    async stop() {
      for (const { feeding } of producers) feeding.stop();
      assert.deepEqual(await Promise.all(producers.map((producer) => producer.gone)), [0, 0, 0]);
    },
  };
}

function gone(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', resolve));
}

function tableOf(results: ReadonlyMap<string, string>): string {
  const rows = RULES.map((rule) => {
    const [ours, theirs] = [OURS, KCAT].map((reader) => results.get(keyOf(rule, reader)) ?? 'not run');
    return `| ${rule.rule} | ${rule.test} | ${ours} | ${theirs} |`;
  });
  return ['| rule | test | streamctl | kcat -G |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

async function documentOf(table: string): Promise<string> {
  const { stdout } = await run(kcat(), ['-V']);
  const [, version, library] = /Version (\S+) .*librdkafka (\S+)/s.exec(stdout.toString()) ?? [];
  return `# What a reader of a group owes a script

\`streamctl consume --group\` and \`kcat -G\` (${version} with librdkafka ${library}) under the same tests at the same broker, \`streamctl serve\`.
\`test/clients/group-rules.client.ts\` plays them: it fails where ours comes to something else than what stands here, and takes down
what kcat comes to. \`UPDATE_GROUP_RULES=1 npm run test:clients\` writes this file.

- *Lost*: a record below the offset that the group committed, and that never came out. No run will read it any more.
- *Read again*: a record that came out and was not committed. The next run puts it out once more.
- *Left*: the group has no member when the program has ended. Else the next run waits until a session is over.

kcat has the session (6 s) and the commit interval (1 s) of ours here, and begins where ours does (\`auto.offset.reset=earliest\`); all else is
as it comes. Where records come while a test runs, they are 150 a second, each a line of 8 bytes or so in the output.

${table}

- Some of kcat's numbers differ from run to run: what a kill or a signal costs hangs on the moment. It commits what it has put into its
  buffer of standard output, which goes to the file or pipe when its 4 KiB are full; a kill right behind that loses nothing.
- R12: what lies in a pipe when its reader leaves was accepted, and counts as read: up to 64 KiB. What must not be committed is more.
- R13: kcat is run with \`-u\`, else the reader would not get its lines at all.
- R17: kcat says by 1 that something went wrong, not what.
- Not here: where repeats begin after a kill (\`test/crash/group-consume.crash.ts\`, with more kills); \`--fsync\`, members by directory, both
  kinds of group for each rule (\`test/e2e/group-consume.test.ts\`).
`;
}

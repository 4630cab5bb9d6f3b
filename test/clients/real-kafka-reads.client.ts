/**
 * A real Kafka started on our files, put into its log directory by the steps of docs/to-a-real-kafka.md: it serves the same records,
 * finds the same offsets by time and goes on where we ended.
 */
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServe, streamctl } from '../helpers/streamctl.ts';
import { kafkaJars, type RealKafka, startRealKafka } from './kafka-jars.ts';
import { CLEAN_MARKER, removeCheckpoints, replaceCheckpoints, replacePartition } from './kafka-log-dir.ts';
import { kcat } from './peers.ts';
import {
  type Answers,
  answersOf,
  appendOne,
  digestsOf,
  FORMAT,
  ofEach,
  partsOf,
  recordsOf,
} from './real-kafka-answers.ts';
import { createTopic, createTopics, fill, GROUP, killInProduce, partitionNames } from './real-kafka-load.ts';
import { need, sequence } from './suite.ts';

const OWN_LOG = 'brokers/1/log';
const LOG_STARTS = 'log-start-offset-checkpoint';
const KILLED = 'killed-0';
/** Said at each start, of any log. */
const ROUTINE = /Performing controller activation|Reloading from producer snapshot and rebuilding producer state/;

/**
 * Answers about the compacted partition by time. A sealed segment that keeps one empty batch has no time entry in our index; Kafka then takes
 * the age of the file for its largest timestamp, looks there and finds nothing.
 */
const COMPACTED_LOOKUP = /^compacted \[0\] offset .*$/gm;

function withoutCompacted(answers: Answers): Answers {
  return { ...answers, lookups: answers.lookups.replace(COMPACTED_LOOKUP, '') };
}

/** Says loudly where the look-ups differ, with what the segments were. */
function tellCompacted(theirs: Answers, ours: Answers, partition: string): void {
  const [found, expected] = [theirs, ours].map(({ lookups }) => (lookups.match(COMPACTED_LOOKUP) ?? []).join('; '));
  if (found === expected) return;
  const files = readdirSync(partition).map((name) => `${name} ${statSync(join(partition, name)).size}`);
  process.stderr.write(`\nNOT THE SAME BY TIME, COMPACTED: ${found} BUT OURS ${expected}; ${files.join(', ')}\n`);
}

describe('a real Kafka on our files', function () {
  this.timeout(600_000);
  let folder = '';
  let ours: Answers;
  /** Of the topic in which we were killed: so many lines at least. */
  let ackedCount = 0;

  before(async function () {
    need(this, () => {
      kcat();
      kafkaJars();
    });
    folder = mkdtempSync(join(tmpdir(), 'streamctl-test-'));
    await fill(join(folder, 'ours'));
    ours = await ourAnswers();
    ackedCount = await killInProduce(join(folder, 'killed'), 'killed');
    await withKafka('kafka', async ({ bootstrap }) => {
      await createTopics(['-b', bootstrap]);
      await createTopic(['-b', bootstrap], 'killed');
    });
  });

  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  it('with its marker and our checkpoints it takes them as they are: records, times, ends', async () => {
    const data = putInPlace('trusting');
    replaceCheckpoints(join(folder, 'ours', OWN_LOG), data);
    await withKafka('trusting', async (kafka) => {
      const theirs = await answersOf(kafka.bootstrap, partitionNames());
      assert.deepEqual(digestsOf(theirs.records), digestsOf(ours.records));
      assert.deepEqual(withoutCompacted(theirs), withoutCompacted(ours));
      tellCompacted(theirs, ours, join(folder, 'ours', OWN_LOG, 'compacted-0'));
      assert.match(kafka.log(), /Skipping recovery of \d+ logs from .* since clean shutdown file was found/);
      assert.deepEqual(complaints(kafka), []);
      await takesOffsets(kafka);
      await goesOn(kafka);
    });
  });

  it('without the marker it recovers them, also what kill -9 left', async () => {
    const data = putInPlace('recovering');
    replacePartition(join(folder, 'killed', OWN_LOG), data, KILLED);
    rmSync(join(data, CLEAN_MARKER));
    removeCheckpoints(data);
    // Nothing else tells that a log begins inside its first segment.
    copyFileSync(join(folder, 'ours', OWN_LOG, LOG_STARTS), join(data, LOG_STARTS));
    await withKafka('recovering', async (kafka) => {
      assert.match(kafka.log(), /Recovering unflushed segment 0\. .* for killed-0/);
      assert.deepEqual(complaints(kafka), []);
      const records = await ofEach(partitionNames(), (name) => recordsOf(kafka.bootstrap, name));
      assert.deepEqual(digestsOf(records), digestsOf(ours.records));
      const values = await recordsOf(kafka.bootstrap, KILLED, '%s\\n');
      const count = values.split('\n').length - 1;
      assert.ok(count >= ackedCount, `${count} of ${ackedCount} acked lines`);
      assert.equal(values, sequence(count).toString());
      await goesOn(kafka);
    });
  });

  /** A copy of the Kafka that has the topics, with our files in it; answers its log directory. */
  function putInPlace(name: string): string {
    cpSync(join(folder, 'kafka'), join(folder, name), { recursive: true });
    const [from, data] = [join(folder, 'ours', OWN_LOG), join(folder, name, 'data')];
    for (const partition of partitionNames()) {
      if (existsSync(join(from, partition))) replacePartition(from, data, partition);
    }
    return data;
  }

  async function withKafka(name: string, use: (kafka: RealKafka) => Promise<void>): Promise<void> {
    const kafka = await startRealKafka(join(folder, name));
    await use(kafka).finally(() => kafka.stop());
  }

  /** Our own consumer's lines, without a server; what only a broker can be asked is asked of `serve`. */
  async function ourAnswers(): Promise<Answers> {
    const directory = join(folder, 'ours');
    const records = await ofEach(partitionNames(), (name) => consumeWithoutServer(directory, name));
    const serving = await startServe(directory);
    try {
      const answers = await answersOf(serving.bootstrap, partitionNames());
      assert.deepEqual(digestsOf(answers.records), digestsOf(records), 'kcat on ours');
      return answers;
    } finally {
      assert.equal(await serving.stop(), 0);
    }
  }

  /** What a group of ours has committed. */
  async function takesOffsets({ bootstrap }: RealKafka): Promise<void> {
    const exported = await command(['offsets', 'export', GROUP, '--dir', join(folder, 'ours')]);
    assert.match(exported, /"topic":"own","partition":0,"offset":1000,/);
    await command(['offsets', 'import', '-', '-b', bootstrap, '--yes'], exported);
    assert.equal(await command(['offsets', 'export', GROUP, '-b', bootstrap]), exported);
  }

  /** Its next record in each partition is the one behind our last. */
  async function goesOn({ bootstrap }: RealKafka): Promise<void> {
    assert.deepEqual(await ofEach(partitionNames(), (name) => appendOne(bootstrap, name)), ours.ends);
  }
});

async function command(args: readonly string[], input = ''): Promise<string> {
  const done = await streamctl(args, { input });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.toString();
}

function consumeWithoutServer(directory: string, name: string): Promise<string> {
  const [topic, partition] = partsOf(name);
  return command(['consume', topic, '-p', partition, '-e', '-f', FORMAT, '--dir', directory]);
}

/** What it logged at WARN and above, and of segments or indexes that are not as they should be. */
function complaints({ log }: RealKafka): string[] {
  return log()
    .split('\n')
    .filter((line) => /^(WARN|ERROR|FATAL)|corrupt|rebuilding|truncat/i.test(line) && !ROUTINE.test(line));
}

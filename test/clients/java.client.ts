import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { streamctl, withFolder } from '../helpers/streamctl.ts';
import { kafkaJars, type RealKafka, runJava, startRealKafka } from './kafka-jars.ts';
import { kcat, run } from './peers.ts';
import { need, sequence, withServed } from './suite.ts';

const ASSIGN_ROUND_TRIP = fileURLToPath(new URL('./java/AssignRoundTrip.java', import.meta.url));

describe('the Java client', () => {
  before(function () {
    need(this, kafkaJars);
  });

  it('produces with every codec, consumes by assignment and administers', () =>
    withServed(async (serving) => {
      const done = await runJava(ASSIGN_ROUND_TRIP, [serving.bootstrap, '3000']);
      assert.equal(done.status, 0, done.stderr + done.stdout);
    }));

  it('reads what our producer wrote', () =>
    withServed(async (serving) => {
      const input = sequence(20_000);
      for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
        const topic = `ours-${codec}`;
        const produced = await streamctl(['produce', topic, '--create', '-z', codec, '-b', serving.bootstrap], {
          input,
        });
        assert.equal(produced.status, 0, produced.stderr);
        const consumed = await runJava('org.apache.kafka.tools.consumer.ConsoleConsumer', [
          ...['--bootstrap-server', serving.bootstrap, '--topic', topic, '--partition', '0', '--offset', 'earliest'],
          ...['--max-messages', '20000', '--timeout-ms', '60000'],
        ]);
        assert.ok(consumed.stdout === input.toString(), `${codec}: ${consumed.stderr.slice(0, 2000)}`);
      }
    }));
});

describe('a real Apache Kafka', () => {
  let kafka: RealKafka | undefined;

  /** Runs `use` with the broker that all tests of this group share. */
  function withKafka(use: (bootstrap: string) => Promise<void>): () => Promise<void> {
    return () =>
      withFolder(async (folder) => {
        kafka = await startRealKafka(join(folder, 'kafka'));
        try {
          await use(kafka.bootstrap);
        } finally {
          await kafka.stop();
        }
      });
  }

  before(function () {
    need(this, () => {
      kafkaJars();
      kcat();
    });
  });

  it(
    'takes and gives lines through our commands, also on a topic of transactions',
    withKafka(async (bootstrap) => {
      const input = sequence(200_000);
      const produced = await streamctl(['produce', 'n', '--create', '-b', bootstrap], { input });
      assert.equal(produced.status, 0, produced.stderr);
      const consumed = await streamctl(['consume', 'n', '-e', '-b', bootstrap]);
      assert.equal(consumed.status, 0, consumed.stderr);
      assert.ok(consumed.stdout.equals(input), 'the same bytes');

      const listed = await streamctl(['topics', 'list', '-b', bootstrap]);
      assert.match(listed.stdout.toString(), /^n\b/m);
      assert.equal((await streamctl(['cluster', 'describe', '-b', bootstrap])).status, 0);

      await streamctl(['topics', 'create', 'tx', '-b', bootstrap]);
      for (const [id, text, ends] of [
        ['one', 'a\nb\n', true],
        ['two', 'lost\n', false],
        ['three', 'c\n', true],
      ] as const) {
        await transaction(bootstrap, id, text, ends);
      }
      const committed = await streamctl(['consume', 'tx', '-e', '-b', bootstrap]);
      assert.equal(committed.status, 0, committed.stderr);
      assert.equal(committed.stdout.toString(), 'a\nb\nc\n');

      assert.equal((await streamctl(['topics', 'delete', 'n', '-b', bootstrap])).status, 0);
    }),
  );
});

/** One transaction of kcat's over the lines of `text`; aborted by a signal in its middle unless it `commits`. */
async function transaction(bootstrap: string, id: string, text: string, commits: boolean): Promise<void> {
  if (commits) {
    const done = await run(kcat(), ['-P', '-b', bootstrap, '-t', 'tx', '-X', `transactional.id=${id}`], text);
    assert.equal(done.status, 0, done.stderr);
    return;
  }
  const aborted = await runJava(fileURLToPath(new URL('./java/AbortedTransaction.java', import.meta.url)), [
    bootstrap,
    id,
    text.trimEnd(),
  ]);
  assert.equal(aborted.status, 0, aborted.stderr);
}

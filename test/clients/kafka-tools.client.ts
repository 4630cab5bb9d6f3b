/** Kafka's own command line tools against our broker, and its configs beside those of a real Kafka, line by line. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONNECTION_SETTINGS } from '../../src/broker/connection-settings.ts';
import { streamctl, withFolder } from '../helpers/streamctl.ts';
import { kafkaJars, runJava, startRealKafka } from './kafka-jars.ts';
import { need, sequence, withServed } from './suite.ts';

const TOOLS = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  configs: 'kafka.admin.ConfigCommand',
  logDirs: 'org.apache.kafka.tools.LogDirsCommand',
  getOffsets: 'org.apache.kafka.tools.GetOffsetShell',
  deleteRecords: 'org.apache.kafka.tools.DeleteRecordsCommand',
  leaderElection: 'org.apache.kafka.tools.LeaderElectionCommand',
} as const;
const CONFIG_TABLE = fileURLToPath(new URL('./java/ConfigTable.java', import.meta.url));
const ADMIN_CALLS = fileURLToPath(new URL('./java/AdminCalls.java', import.meta.url));

/**
 * The listed differences: names that are ours alone, and what is not the same under a name of Kafka's, with the reason.
 */
const OURS = new Set([
  'streamctl.durability',
  'streamctl.max.disk.bytes',
  'streamctl.max.partitions',
  ...CONNECTION_SETTINGS.map(({ name }) => name),
]);
const DIFFERENT: Readonly<Record<string, string>> = {
  'TOPIC min.insync.replicas': 'Kafka sets it itself for all brokers where it tracks eligible leaders',
  'BROKER min.insync.replicas': 'the same',
  'BROKER group.consumer.heartbeat.interval.ms': 'a third of a session',
  'BROKER group.consumer.migration.policy': 'groups keep their protocol while they have members',
  'BROKER group.consumer.min.session.timeout.ms': 'sessions are 6 s: broker and members are one machine’s',
  'BROKER group.consumer.session.timeout.ms': 'the same',
  'BROKER group.coordinator.rebalance.protocols': 'there are no groups of streams',
  'BROKER group.initial.rebalance.delay.ms': 'one machine has no crowd to wait for',
  'BROKER offsets.topic.replication.factor': 'there is one broker; the real Kafka is told so by its settings',
  'BROKER advertised.listeners': 'each broker has its own address',
  'BROKER listeners': 'each broker has its own address',
  'BROKER log.cleaner.dedupe.buffer.size': 'a development machine has less memory',
  'BROKER log.dirs': 'each broker has its own directory',
  'BROKER max.connection.creation.rate': 'a bound where Kafka has none',
  'BROKER max.connections': 'a bound where Kafka has none',
  'BROKER max.connections.per.ip': 'a bound where Kafka has none',
  'BROKER queued.max.request.bytes': 'a bound where Kafka has none',
};
/** Ours can be altered while the broker runs; Kafka's are read when it starts. Kafka's value, source, type and synonyms hold. */
const ALTERABLE_HERE_ONLY = new Set([
  'auto.create.topics.enable',
  'connections.max.idle.ms',
  'delete.topic.enable',
  'fetch.max.bytes',
  'group.consumer.max.session.timeout.ms',
  'group.consumer.max.size',
  'group.max.session.timeout.ms',
  'group.max.size',
  'group.min.session.timeout.ms',
  'log.flush.scheduler.interval.ms',
  'log.retention.check.interval.ms',
  'log.retention.hours',
  'log.retention.minutes',
  'log.roll.hours',
  'log.roll.jitter.hours',
  'max.request.partition.size.limit',
  'num.partitions',
  'offset.metadata.max.bytes',
  'offsets.retention.check.interval.ms',
  'offsets.retention.minutes',
]);

describe('Kafka’s tools', () => {
  before(function () {
    need(this, kafkaJars);
  });

  /** Runs a tool that must succeed; answers what it printed. */
  async function tool(name: keyof typeof TOOLS, bootstrap: string, ...args: string[]): Promise<string> {
    const done = await runJava(TOOLS[name], ['--bootstrap-server', bootstrap, ...args]);
    assert.equal(done.status, 0, `${name} ${args.join(' ')}: ${done.stderr}${done.stdout}`);
    return done.stdout;
  }

  /** So that there are files for the verdict at the end. */
  async function produceLine(bootstrap: string, topic: string): Promise<void> {
    const produced = await streamctl(['produce', topic, '-b', bootstrap], { input: 'line\n' });
    assert.equal(produced.status, 0, produced.stderr);
  }

  it('kafka-topics creates, alters, describes and deletes', () =>
    withServed(async ({ bootstrap }) => {
      await tool(
        'topics',
        bootstrap,
        '--create',
        '--topic',
        't',
        '--partitions',
        '3',
        '--config',
        'retention.ms=100000',
      );
      await tool('topics', bootstrap, '--alter', '--topic', 't', '--partitions', '4');
      const described = await tool('topics', bootstrap, '--describe', '--topic', 't');
      assert.match(described, /PartitionCount: 4\tReplicationFactor: 1\tConfigs: retention\.ms=100000\n/);
      assert.match(described, /Partition: 3\tLeader: 1\tReplicas: 1\tIsr: 1/);
      await tool('topics', bootstrap, '--create', '--topic', 'kept');
      await produceLine(bootstrap, 'kept');
      await tool('topics', bootstrap, '--delete', '--topic', 't');
      assert.equal((await tool('topics', bootstrap, '--list')).trim(), 'kept');
    }));

  it('kafka-configs alters and describes topics, one broker and all brokers', () =>
    withServed(async ({ bootstrap }) => {
      await tool('topics', bootstrap, '--create', '--topic', 't');
      await produceLine(bootstrap, 't');
      const [topic, one, all] = [
        ['--entity-type', 'topics', '--entity-name', 't'],
        ['--entity-type', 'brokers', '--entity-name', '1'],
        ['--entity-type', 'brokers', '--entity-default'],
      ] as const;
      const changes = 'segment.ms=5000,cleanup.policy=[delete],preallocate=true';
      await tool('configs', bootstrap, ...topic, '--alter', '--add-config', changes);
      await tool('configs', bootstrap, ...topic, '--alter', '--delete-config', 'segment.ms');
      const ofTopic = await tool('configs', bootstrap, ...topic, '--describe');
      assert.match(ofTopic, /preallocate=true sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:preallocate=true, /);
      assert.doesNotMatch(ofTopic, /segment\.ms/);
      await tool('configs', bootstrap, ...one, '--alter', '--add-config', 'log.retention.ms=5000');
      await tool('configs', bootstrap, ...all, '--alter', '--add-config', 'message.max.bytes=2000000');
      const ofOne = await tool('configs', bootstrap, ...one, '--describe');
      assert.match(ofOne, /DYNAMIC_BROKER_CONFIG:log\.retention\.ms=5000, DEFAULT_CONFIG:log\.retention\.hours=168/);
      const ofAll = await tool('configs', bootstrap, ...all, '--describe');
      assert.match(ofAll, /DYNAMIC_DEFAULT_BROKER_CONFIG:message\.max\.bytes=2000000/);
      const everything = await tool('configs', bootstrap, ...topic, '--describe', '--all');
      assert.match(everything, /retention\.ms=5000 .*\{DYNAMIC_BROKER_CONFIG:log\.retention\.ms=5000, /);

      const refused = await runJava(TOOLS.configs, [
        ...['--bootstrap-server', bootstrap, ...topic],
        ...['--alter', '--add-config', 'remote.storage.enable=true'],
      ]);
      assert.notEqual(refused.status, 0);
      assert.match(refused.stderr + refused.stdout, /InvalidConfigurationException/);
    }));

  it('kafka-log-dirs, kafka-get-offsets, kafka-delete-records and kafka-leader-election', () =>
    withServed(async ({ bootstrap }, directory) => {
      await tool('topics', bootstrap, '--create', '--topic', 't', '--partitions', '2');
      const produced = await streamctl(['produce', 't', '--partition', '0', '-b', bootstrap], { input: sequence(100) });
      assert.equal(produced.status, 0, produced.stderr);

      const dirs = await tool('logDirs', bootstrap, '--describe');
      const told = JSON.parse(dirs.slice(dirs.indexOf('{')));
      const [dir] = told.brokers[0].logDirs;
      assert.deepEqual([dir.error, dir.partitions.length], [null, 2]);
      assert.ok(dir.partitions.find(({ partition }: { partition: string }) => partition === 't-0').size > 0);

      assert.equal(await tool('getOffsets', bootstrap, '--topic', 't'), 't:0:100\nt:1:0\n');
      const file = join(directory, '..', 'delete.json');
      const partitions = [{ topic: 't', partition: 0, offset: 40 }];
      writeFileSync(file, JSON.stringify({ partitions, version: 1 }));
      assert.match(await tool('deleteRecords', bootstrap, '--offset-json-file', file), /t-0\tlow_watermark: 40/);
      assert.equal(await tool('getOffsets', bootstrap, '--topic', 't', '--time', 'earliest'), 't:0:40\nt:1:0\n');
      const consumed = await streamctl(['consume', 't', '-e', '-b', bootstrap]);
      assert.ok(consumed.stdout.equals(sequence(100).subarray(sequence(40).length)), 'records 41 to 100');

      await tool('leaderElection', bootstrap, '--election-type', 'preferred', '--all-topic-partitions');
      for (const kind of ['preferred', 'unclean']) {
        const asked = ['--election-type', kind, '--topic', 't', '--partition', '0'];
        assert.match(await tool('leaderElection', bootstrap, ...asked), /Valid replica already elected/);
      }
    }));

  it('the Java client’s other admin calls', () =>
    withServed(async ({ bootstrap }) => {
      const done = await runJava(ADMIN_CALLS, [bootstrap]);
      assert.equal(done.status, 0, done.stdout + done.stderr);
    }));

  it('find the configs of a real Kafka, but for the listed differences', () =>
    withFolder(async (folder) => {
      const kafka = await startRealKafka(join(folder, 'kafka'));
      const theirs = await configTable(kafka.bootstrap).finally(() => kafka.stop());
      await withServed(async ({ bootstrap }) => {
        const ours = await configTable(bootstrap);
        await produceLine(bootstrap, 'configured');
        const differences: string[] = [];
        for (const [key, line] of ours) {
          const name = key.slice(key.indexOf(' ') + 1);
          if (OURS.has(name) || key in DIFFERENT) continue;
          const theirLine = theirs.get(key);
          const comparable = ALTERABLE_HERE_ONLY.has(name)
            ? theirLine?.replace(/\ttrue\t(?=\{)/, '\tfalse\t')
            : theirLine;
          if (line !== comparable) differences.push(`ours: ${line}\nKafka's: ${theirLine}`);
        }
        for (const key of theirs.keys()) {
          if (key.startsWith('TOPIC ') && !ours.has(key)) differences.push(`not there: ${key}`);
        }
        assert.equal(differences.join('\n'), '');
        const topicCount = [...ours.keys()].filter((key) => key.startsWith('TOPIC ')).length;
        process.stderr.write(
          `      ${topicCount} topic configs and ${ours.size - topicCount} broker settings compared\n`,
        );
      });
    }));

  /** Every config of a new topic and of broker 1: `TOPIC name` or `BROKER name` -> the line that tells all of it. */
  async function configTable(bootstrap: string): Promise<ReadonlyMap<string, string>> {
    await tool('topics', bootstrap, '--create', '--topic', 'configured');
    const done = await runJava(CONFIG_TABLE, [bootstrap, 'configured']);
    assert.equal(done.status, 0, done.stderr);
    const lines = done.stdout.trimEnd().split('\n');
    return new Map(lines.map((line) => [line.split('\t').slice(0, 2).join(' '), line]));
  }
});

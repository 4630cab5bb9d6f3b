/**
 * A real Apache Kafka for the outside suites: its jars by Maven, its tools and its broker by `java`.
 *
 * The jars (about 55 MB) are copied once into a cache folder named after the pom's content, so another version never mixes with them.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../helpers/free-port.ts';
import { PeerMissing } from './peers.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** The folder with the jars, fetched when they are not there. Throws PeerMissing without java or mvn. */
export function kafkaJars(): string {
  for (const need of ['java', 'mvn']) {
    if (spawnSync(need, ['--version']).error) throw new PeerMissing(`${need} is not installed`);
  }
  const pom = readFileSync(join(HERE, 'pom.xml'));
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const jars = join(
    cache,
    'streamctl-test-peers',
    `kafka-${createHash('sha256').update(pom).digest('hex').slice(0, 12)}`,
  );
  if (existsSync(jars)) return jars;
  const part = `${jars}.part-${process.pid}`;
  mkdirSync(part, { recursive: true });
  const copied = spawnSync(
    'mvn',
    [
      '-B',
      '-q',
      '-Dstyle.color=never',
      '-f',
      join(HERE, 'pom.xml'),
      'dependency:copy-dependencies',
      `-DoutputDirectory=${part}`,
    ],
    { encoding: 'utf8' },
  );
  if (copied.status !== 0) {
    rmSync(part, { recursive: true, force: true });
    throw new PeerMissing(`the jars of Apache Kafka could not be fetched: ${copied.stdout}${copied.stderr}`);
  }
  // Of several fetchers at once the first rename wins; a loser's copy is the same and is thrown away.
  try {
    renameSync(part, jars);
  } catch {
    rmSync(part, { recursive: true, force: true });
  }
  return jars;
}

const QUIET_LOG4J = `status = error
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %m (%c)%n
rootLogger.level = \${sys:kafka.log.level:-ERROR}
rootLogger.appenderRef.stderr.ref = stderr
`;

/** The arguments that run a class, or a single Java source file, with Kafka's jars. */
export function javaArguments(main: string, args: readonly string[], logLevel = 'ERROR'): string[] {
  const jars = kafkaJars();
  const log4j = join(jars, 'log4j2-quiet.properties');
  if (!existsSync(log4j)) writeFileSync(log4j, QUIET_LOG4J);
  return [
    '-Xmx512M',
    `-Dlog4j2.configurationFile=${log4j}`,
    `-Dkafka.log.level=${logLevel}`,
    '-cp',
    join(jars, '*'),
    main,
    ...args,
  ];
}

export interface JavaRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of Kafka's tools (or a source file of test/clients/java) to its end. */
export function runJava(main: string, args: readonly string[], input?: Buffer): Promise<JavaRun> {
  const java = spawn('java', javaArguments(main, args));
  java.stdin.end(input);
  return new Promise((resolve, reject) => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    java.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    java.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    java.stdin.on('error', () => undefined);
    java.on('error', reject);
    java.on('close', (status) =>
      resolve({ status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
  });
}

export interface RealKafka {
  readonly bootstrap: string;
  readonly pid: number;
  /** What the broker has logged, at INFO; of much of it the end. */
  log(): string;
  stop(): Promise<void>;
}

const LOG_CHARS_MAX = 2_000_000;

/** A real Kafka broker (KRaft, one node) in `folder`, on free loopback ports; a folder that it had before is taken on as it is. */
export async function startRealKafka(folder: string): Promise<RealKafka> {
  const [port, controllerPort] = [await freePort(), await freePort()];
  const properties = join(folder, 'server.properties');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    properties,
    [
      'process.roles=broker,controller',
      'node.id=1',
      `log.dirs=${join(folder, 'data')}`,
      `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
      'controller.listener.names=CONTROLLER',
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      'offsets.topic.replication.factor=1',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      'share.coordinator.state.topic.replication.factor=1',
      'share.coordinator.state.topic.min.isr=1',
      '',
    ].join('\n'),
  );
  if (!existsSync(join(folder, 'data', 'meta.properties'))) await format(properties);
  const broker = spawn('java', ['-Xms1G', '-Xmx1G', ...javaArguments('kafka.Kafka', [properties], 'INFO').slice(1)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = await started(broker);
  return {
    bootstrap: `127.0.0.1:${port}`,
    pid: broker.pid ?? 0,
    log,
    stop: () =>
      new Promise((resolve) => {
        broker.once('close', () => resolve());
        broker.kill('SIGTERM');
      }),
  };
}

async function format(properties: string): Promise<void> {
  const done = await runJava('kafka.tools.StorageTool', ['format', '-t', 'streamctlTestCluster00', '-c', properties]);
  if (done.status !== 0) throw new Error(`Kafka could not be formatted: ${done.stdout}${done.stderr}`);
}

/** Waits until the broker says so; answers what tells all that it says. */
function started(broker: ChildProcess): Promise<() => string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-LOG_CHARS_MAX);
      if (said.includes('Kafka Server started')) resolve(() => said);
    };
    broker.stdout?.on('data', hear);
    broker.stderr?.on('data', hear);
    broker.once('close', (status) => reject(new Error(`Kafka ended with ${status}: ${said.slice(-3000)}`)));
  });
}

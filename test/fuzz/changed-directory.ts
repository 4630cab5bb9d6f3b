/**
 * One look at a directory in which a file is not what was written: first `log verify`, then a life of a broker over it, of which a
 * consumer takes what it can get: in the broker's process, where it checks CRCs itself, or by TCP, where the log has to.
 */
import assert from 'node:assert/strict';
import { verify } from '../../src/cli/log-verify.ts';
import { Connection } from '../../src/client/connection.ts';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import type { Env } from '../../src/kernel/env.ts';
import { errorCodeOf } from '../../src/kernel/error-code.ts';
import type { Finding } from '../../src/kernel/finding.ts';
import { UnknownFormatError } from '../../src/log/close-record.ts';
import { ForeignLogDirectoryError } from '../../src/log/log-directory.ts';
import { Fetch, OffsetFetch } from '../../src/protocol/apis/index.ts';
import { completeMessage } from '../../src/protocol/complete-message.ts';
import { errorName, KafkaError } from '../../src/protocol/errors.ts';
import type { AnyApi, RequestInput, RequestOf, ResponseOf } from '../../src/protocol/schema.ts';
import type { BrokerUnderTest } from '../broker/broker-in-world.ts';
import { DIRECTORY, inWorld } from '../cluster/in-world.ts';
import { GROUP, LOG_START, Occupied, startBroker, TOPIC } from './directories.ts';
import { batchesOf, putTree, type Tree, type Written, type WrittenDirectory } from './written-directory.ts';

const FETCH_BYTES_MAX = 1 << 20;
/** A look at the middle of a log is a short one. */
const LOOK_BYTES_MAX = 300;
const FETCHES_MAX = 50;
const TIMEOUT_MS = 60_000;
const NOTHING_COMMITTED = -1;
const ATTEMPTS_MAX = 3;
const OTHER_WORLD = 2 ** 40;
/** `FileFindings` keeps so many of one file. */
const FINDINGS_A_FILE_MAX = 100;
const SEVERITIES: readonly string[] = ['damage', 'derivable', 'unchecked'];

export type ReadBy = 'embedded' | 'tcp';

/**
 * moved: a batch that was written comes with a higher offset than its own. In a log that compacts, and that nobody closed, nothing
 * can contradict that: the CRC does not cover the offset, and there may be gaps (so it is with a real Kafka).
 * fewer: not everything comes, and the reader is told, or the directory was not closed. lost: not everything comes, and it looks
 * as if that were all. served: something comes that was not written.
 */
export type OutcomeKind = 'harmless' | 'moved' | 'fewer' | 'refused' | 'lost' | 'served';

export interface Outcome {
  readonly kind: OutcomeKind;
  readonly said: string;
}

/** What a consumer found. */
export interface Seen {
  /** By topic: whole batches that are what was written. */
  readonly batchCounts: readonly number[];
  /** -1: nothing. */
  readonly committedOffset: number;
  /** Whether an error, or a CRC that the reader checks, said that something is not there. */
  readonly isTold: boolean;
  /** Batches with a higher offset than their own. */
  readonly movedCount: number;
  /** What was never written. */
  readonly wrong: readonly string[];
}

type Ask = <A extends AnyApi>(
  api: A,
  version: number,
  message: RequestInput<A>,
) => Promise<{ readonly message: ResponseOf<A>; release(): void }>;

/** What was found of one topic, and what came instead. */
interface LogSeen {
  readonly offsets: Set<number>;
  readonly wrong: string[];
  movedCount: number;
  isTold: boolean;
}

/** What came of a life; without `seen` it is what the broker said when it did not start. */
export interface Life {
  readonly seen: Seen | undefined;
  readonly said: string;
  /** Of `log verify`, before. */
  readonly findings: readonly Finding[];
}

/** A life over the tree. */
export async function live(directory: WrittenDirectory, tree: Tree, seed: number, by: ReadBy): Promise<Life> {
  let life: Life | undefined;
  // In few worlds the process has the number of the one that was killed, and is taken for it.
  for (let attempt = 0; life === undefined; attempt += 1) {
    assert.ok(attempt < ATTEMPTS_MAX, 'somebody else is the broker');
    await inWorld(seed + attempt * OTHER_WORLD, async (env, machine) => {
      putTree(machine, tree);
      const findings = await verified(env, tree.size);
      life = await start(env, findings, (test) => asReader(test, by, (ask) => readAll(ask, directory, by, seed)));
    });
  }
  return life;
}

/** undefined: somebody else is the broker. */
async function start(
  env: Env,
  findings: readonly Finding[],
  use: (test: BrokerUnderTest) => Promise<Seen>,
): Promise<Life | undefined> {
  let test: BrokerUnderTest;
  try {
    test = await startBroker(env, []);
  } catch (error) {
    if (error instanceof Occupied) return undefined;
    if (!isTyped(error)) throw error;
    return { seen: undefined, said: error instanceof Error ? error.message : String(error), findings };
  }
  try {
    return { seen: await use(test), said: '', findings };
  } finally {
    await test.broker.stop();
  }
}

/** `whole`: what was seen of the directory as it was written. */
export function judge(directory: WrittenDirectory, whole: Seen, seen: Seen | undefined, said: string): Outcome {
  if (seen === undefined) return { kind: 'refused', said };
  const text = `${seen.batchCounts} batches, ${seen.committedOffset} committed, ${seen.isTold ? 'told' : 'no error'}`;
  if (seen.wrong.length > 0) return { kind: 'served', said: seen.wrong.join('; ') };
  if (seen.movedCount > 0)
    return { kind: directory.isClosed ? 'served' : 'moved', said: 'a batch with a higher offset' };
  const isAll =
    seen.committedOffset === whole.committedOffset &&
    seen.batchCounts.every((count, index) => count === whole.batchCounts[index]);
  if (isAll) return { kind: 'harmless', said: text };
  return { kind: directory.isClosed && !seen.isTold ? 'lost' : 'fewer', said: text };
}

/** What `log verify` says of the directory: it ends, and says nothing without a kind, a rule and a file. */
async function verified(env: Env, fileCount: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of verify(env, DIRECTORY, {})) {
    assert.ok(SEVERITIES.includes(finding.severity) && finding.rule !== '' && finding.text !== '', finding.file);
    assert.ok(finding.file.startsWith(DIRECTORY), finding.file);
    findings.push(finding);
    assert.ok(findings.length <= FINDINGS_A_FILE_MAX * fileCount, 'findings without end');
  }
  return findings;
}

function isTyped(error: unknown): boolean {
  if (error instanceof ClusterError || error instanceof KafkaError) return true;
  if (error instanceof ForeignLogDirectoryError || error instanceof UnknownFormatError) return true;
  // Those of the system, not those of Node's own checks, which begin with ERR_.
  return /^E[A-Z0-9]+$/.test(errorCodeOf(error) ?? '');
}

async function asReader<T>(test: BrokerUnderTest, by: ReadBy, use: (ask: Ask) => Promise<T>): Promise<T> {
  if (by === 'embedded') {
    return await use(async (api, version, message) => {
      const { message: answer, release } = await test.reply(api, version, message);
      return { message: answer as ResponseOf<typeof api>, release: () => release?.() };
    });
  }
  const { address } = await test.broker.listen({ host: '127.0.0.1', port: 0 }, 'tcp');
  const connection = await Connection.open(test.env, address, { clientId: 'reader', connectTimeoutMs: TIMEOUT_MS });
  try {
    return await use((api, version, message) =>
      connection.request(
        api,
        version,
        completeMessage(api.request, message as object) as RequestOf<typeof api>,
        TIMEOUT_MS,
      ),
    );
  } finally {
    await connection.close();
  }
}

async function readAll(ask: Ask, directory: WrittenDirectory, by: ReadBy, seed: number): Promise<Seen> {
  const logs: LogSeen[] = [];
  for (const topic of directory.topics) {
    const written = directory.written.get(topic) ?? new Map();
    logs.push(await readLog(ask, topic, written, by, seed));
  }
  const committed = directory.committedOffsets.length === 0 ? NOTHING_COMMITTED : await committedOffset(ask);
  const isKnown = typeof committed !== 'number' || committed === NOTHING_COMMITTED;
  const wrong = logs.flatMap((log) => log.wrong);
  if (!isKnown && !directory.committedOffsets.includes(committed)) wrong.push(`${committed} was never committed`);
  return {
    batchCounts: logs.map(({ offsets }) => offsets.size),
    committedOffset: typeof committed === 'number' ? committed : NOTHING_COMMITTED,
    movedCount: logs.reduce((sum, { movedCount }) => sum + movedCount, 0),
    isTold: logs.some(({ isTold }) => isTold) || typeof committed !== 'number',
    wrong,
  };
}

/** A look at its middle, which an index has to lead to, and then everything from the start on. */
async function readLog(ask: Ask, topic: string, written: Written, by: ReadBy, seed: number): Promise<LogSeen> {
  const seen: LogSeen = { offsets: new Set(), wrong: [], movedCount: 0, isTold: false };
  const known = [...written.keys()];
  const start = topic === TOPIC ? LOG_START : 0;
  const middle = Math.max(start, known[seed % Math.max(1, known.length)] ?? start);
  await fetchOnce(ask, { topic, offset: middle, bytesMax: LOOK_BYTES_MAX }, written, by, seen);
  let offset: number | undefined = start;
  for (let count = 0; offset !== undefined; count += 1) {
    assert.ok(count < FETCHES_MAX, `${topic}: fetches without end`);
    offset = await fetchOnce(ask, { topic, offset, bytesMax: FETCH_BYTES_MAX }, written, by, seen);
  }
  return seen;
}

/** Where to go on; undefined at the end, at an error, and where a reader would stop. */
async function fetchOnce(
  ask: Ask,
  { topic, offset, bytesMax }: { topic: string; offset: number; bytesMax: number },
  written: Written,
  by: ReadBy,
  seen: LogSeen,
): Promise<number | undefined> {
  const partitions = [{ partition: 0, fetchOffset: BigInt(offset), partitionMaxBytes: bytesMax }];
  const request = { maxWaitMs: 0, minBytes: 1, maxBytes: FETCH_BYTES_MAX, sessionEpoch: -1 };
  const { message, release } = await ask(Fetch, 12, { ...request, topics: [{ topic, partitions }] });
  const partition = message.responses[0]?.partitions[0];
  const bytes = Buffer.concat([...(partition?.records ?? [])]);
  release();
  if (message.errorCode !== 0 || partition?.errorCode !== 0) seen.isTold = true;
  const { found, isAll } = batchesOf(bytes);
  for (const { offset: at, content } of found) {
    if (written.get(at)?.has(content) === true) seen.offsets.add(at);
    else if (wasBefore(written, at, content)) seen.movedCount += 1;
    else seen.wrong.push(`${topic} ${at}: never written`);
  }
  if (!isAll) {
    seen.isTold = true;
    if (by === 'tcp') seen.wrong.push(`${topic}: a broken batch behind offset ${found.at(-1)?.offset ?? offset}`);
    return undefined;
  }
  const nextOffset = found.at(-1)?.nextOffset;
  return nextOffset !== undefined && nextOffset > offset ? nextOffset : undefined;
}

function wasBefore(written: Written, offset: number, content: string): boolean {
  return [...written].some(([at, contents]) => at < offset && contents.has(content));
}

/** The offset, or the name of the error. */
async function committedOffset(ask: Ask): Promise<number | string> {
  const groups = [{ groupId: GROUP, topics: [{ name: TOPIC, partitionIndexes: [0] }] }];
  const { message, release } = await ask(OffsetFetch, 8, { groups });
  release();
  const group = message.groups[0];
  const partition = group?.topics[0]?.partitions[0];
  const code = group?.errorCode || partition?.errorCode;
  if (code !== 0 || partition === undefined) return errorName(code ?? -1);
  return Number(partition.committedOffset);
}

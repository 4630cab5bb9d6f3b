/** Lives of a broker over a directory in which one file is not what was written. */
import assert from 'node:assert/strict';
import { Broker } from '../../src/broker/broker.ts';
import { brokerSettings } from '../../src/broker/broker-settings.ts';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import type { Env } from '../../src/kernel/env.ts';
import { errorCodeOf } from '../../src/kernel/error-code.ts';
import { UnknownFormatError } from '../../src/log/close-record.ts';
import { ForeignLogDirectoryError } from '../../src/log/log-directory.ts';
import { DeleteRecords } from '../../src/protocol/apis/index.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { BrokerUnderTest } from '../broker/broker-in-world.ts';
import { DIRECTORY, inWorld, mustBecomeBroker } from '../cluster/in-world.ts';

const LIVES = 3;
const BATCHES_PER_LIFE = 6;
/** The first batch is deleted, so that there is a log start to be remembered. */
const LOG_START = 2;

/** The files of a directory by path. */
export type Tree = ReadonlyMap<string, Buffer>;

async function filesBelow(env: Env, path: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const name of await env.disk.list(path)) {
    const child = `${path}/${name}`;
    const kind = (await env.disk.stat(child))?.kind;
    if (kind === 'directory') for (const [at, bytes] of await filesBelow(env, child)) found.set(at, bytes);
    else if (kind === 'file') found.set(child, Buffer.from(await env.disk.readFile(child)));
  }
  return found;
}

async function writeTree(env: Env, tree: Tree): Promise<void> {
  for (const [path, bytes] of tree) {
    await env.disk.makeDirectory(path.slice(0, path.lastIndexOf('/')));
    const file = await env.disk.open(path, 'w+');
    await file.writev([bytes], 0);
    await file.close();
  }
}

async function withBrokerHere(env: Env, use: (test: BrokerUnderTest) => Promise<void>): Promise<void> {
  const session = await mustBecomeBroker(env);
  const broker = await Broker.start(env, session, brokerSettings({}));
  try {
    await use(new BrokerUnderTest(env, broker, session));
  } finally {
    await broker.stop();
  }
}

async function deleteBefore(test: BrokerUnderTest, offset: number): Promise<void> {
  const partitions = [{ partitionIndex: 0, offset: BigInt(offset) }];
  const answer = await test.call(DeleteRecords, 2, { topics: [{ name: 't', partitions }], timeoutMs: 1000 });
  assert.equal(answer.topics[0]?.partitions[0]?.errorCode, 0);
}

/** A directory after some lives with a topic, and the bytes of its batches by offset. */
export async function makeTemplate(): Promise<{ tree: Tree; batches: Map<number, string> }> {
  let tree: Tree = new Map();
  const batches = new Map<number, string>();
  await inWorld(1, async (env) => {
    await env.disk.makeDirectory(DIRECTORY);
    for (let life = 0; life < LIVES; life += 1) {
      await withBrokerHere(env, async (test) => {
        if (life === 0) await test.createTopic('t', 1, { 'index.interval.bytes': '100' });
        for (let index = 0; index < BATCHES_PER_LIFE; index += 1) {
          const { error } = await test.produce('t', [`${life}-${index}`, 'x'.repeat(60)]);
          assert.equal(error, 'NONE');
        }
        if (life === 1) await deleteBefore(test, LOG_START);
      });
    }
    await withBrokerHere(env, async (test) => {
      for (const [offset, text] of await readAll(test)) batches.set(offset, text);
    });
    tree = await filesBelow(env, DIRECTORY);
  });
  assert.equal(batches.size, LIVES * BATCHES_PER_LIFE - 1);
  return { tree, batches };
}

/** What a consumer takes: whole batches whose CRC is right, by base offset, without the header that the CRC does not cover. */
async function readAll(test: BrokerUnderTest): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  const answer = await test.fetch('t', LOG_START);
  const bytes = Buffer.concat([...(answer.responses[0]?.partitions[0]?.records ?? [])]);
  for (let at = 0; at + batch.BATCH_HEADER_BYTES <= bytes.length; ) {
    const byteCount = batch.batchBytes(bytes, at);
    if (byteCount < batch.BATCH_HEADER_BYTES || at + byteCount > bytes.length) break;
    if (batch.crc(bytes, at) !== batch.computeCrc(bytes, at)) break;
    found.set(
      Number(batch.baseOffset(bytes, at)),
      bytes.toString('hex', at + batch.BATCH_HEADER_BYTES, at + byteCount),
    );
    at += byteCount;
  }
  return found;
}

function isTyped(error: unknown): boolean {
  if (error instanceof ClusterError || error instanceof KafkaError) return true;
  if (error instanceof ForeignLogDirectoryError || error instanceof UnknownFormatError) return true;
  return errorCodeOf(error) !== undefined;
}

/** fewer: not all batches come in the first answer, because the log ends or is refused from somewhere on. */
export interface Outcome {
  readonly kind: 'harmless' | 'fewer' | 'refused' | 'served';
  readonly said: string;
}

/** A life over the template with one file changed. */
export async function live(tree: Tree, batches: ReadonlyMap<number, string>, seed: number): Promise<Outcome> {
  let outcome: Outcome = { kind: 'refused', said: '' };
  await inWorld(seed, async (env) => {
    await writeTree(env, tree);
    try {
      await withBrokerHere(env, async (test) => {
        const found = await readAll(test).catch(() => new Map<number, string>());
        const wrong = [...found].some(([offset, text]) => batches.get(offset) !== text);
        const kind = wrong ? 'served' : found.size === batches.size ? 'harmless' : 'fewer';
        outcome = { kind, said: `${found.size} batches` };
      });
    } catch (error) {
      if (!isTyped(error)) throw error;
      outcome = { kind: 'refused', said: error instanceof Error ? error.message : String(error) };
    }
  });
  return outcome;
}

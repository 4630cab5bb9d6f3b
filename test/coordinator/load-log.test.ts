import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { type FoundRecord, groupBatches } from '../../src/coordinator/group-batch.ts';
import { loadLog } from '../../src/coordinator/load-log.ts';
import type { Env } from '../../src/kernel/env.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import { type GroupRecord, GroupRecordError } from '../../src/protocol/group/group-record.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { batchOf } from '../helpers/raw-producer.ts';
import { FakeLog } from './fake-log.ts';
import { offsetRecord } from './fake-machine.ts';

const GZIP = 1;

function groupRecord(groupId: string): GroupRecord {
  const value = { protocolType: 'consumer', generation: 1, protocol: null, leader: null, members: [] };
  return { kind: 'group-metadata', groupId, value: { ...value, currentStateTimestamp: 1n } };
}

function tombstone(topic: string): GroupRecord {
  return { kind: 'offset-commit', groupId: 'g', topic, partition: 0, value: null };
}

function batchWith(...records: readonly GroupRecord[]): Buffer {
  const [only] = groupBatches(records, 5);
  assert.ok(only !== undefined);
  return only.bytes;
}

/** Seals the batch again, with other attributes and records. */
function changed(bytes: Buffer, attributes: number, records = bytes.subarray(batch.BATCH_HEADER_BYTES)): Buffer {
  const made = Buffer.concat([bytes.subarray(0, batch.BATCH_HEADER_BYTES), records]);
  batch.sealBatch(made, 0, made.length, {
    baseOffset: 0,
    leaderEpoch: 0,
    attributes,
    lastOffsetDelta: batch.lastOffsetDelta(bytes, 0),
    baseTimestamp: 5n,
    maxTimestamp: 5n,
    producerId: 1n,
    producerEpoch: 0,
    baseSequence: 0,
    recordCount: batch.recordCount(bytes, 0),
  });
  return made;
}

async function load(log: FakeLog): Promise<{ found: string[]; end: number; warnings: string[] }> {
  const found: FoundRecord[] = [];
  const warnings: string[] = [];
  const env = {
    clock: { soon: (action: () => void) => setImmediate(action) },
    log: { warn: (text: string) => void warnings.push(text) },
  } as unknown as Env;
  const end = await loadLog(log, { env, name: 'p', replay: (each) => found.push(each), isOver: () => false });
  return { found: found.map(textOf), end, warnings };
}

function textOf({ record, offset }: FoundRecord): string {
  if (record.kind !== 'offset-commit') return `${record.kind} ${record.groupId} at ${offset}`;
  return `${record.topic}=${record.value?.offset ?? 'none'} at ${offset}`;
}

describe('coordinator: loading a log', () => {
  it('the last of each offset counts, in the order of the log; everything else is replayed', async () => {
    const log = new FakeLog();
    log.chunkCount = 2;
    log.write(batchWith(offsetRecord('t', 1), offsetRecord('u', 2)));
    log.write(batchWith(groupRecord('a'), offsetRecord('t', 3)));
    log.write(batchWith(tombstone('u'), groupRecord('a')));
    log.write(batchWith(offsetRecord('v', 4)));
    const { found, end } = await load(log);
    assert.deepEqual(found, ['group-metadata a at 2', 'group-metadata a at 5', 't=3 at 3', 'u=none at 4', 'v=4 at 6']);
    assert.equal(end, 7);
  });

  it('what lies before the start of the log does not count, also inside of a batch', async () => {
    const log = new FakeLog();
    log.write(batchWith(offsetRecord('t', 1)));
    log.write(batchWith(offsetRecord('u', 2), groupRecord('a'), offsetRecord('v', 3), groupRecord('b')));
    log.startOffset = 3;
    assert.deepEqual((await load(log)).found, ['group-metadata b at 4', 'v=3 at 3']);
  });

  it('reads compressed batches; passes over transactions, with a word, and over markers', async () => {
    const log = new FakeLog();
    const plain = batchWith(offsetRecord('t', 1));
    log.write(changed(plain, GZIP, gzipSync(plain.subarray(batch.BATCH_HEADER_BYTES))));
    log.write(changed(batchWith(offsetRecord('t', 2)), batch.TRANSACTIONAL_BIT));
    log.write(changed(batchWith(offsetRecord('t', 3)), batch.TRANSACTIONAL_BIT));
    log.write(changed(batchWith(offsetRecord('t', 4)), batch.TRANSACTIONAL_BIT | batch.CONTROL_BIT));
    const { found, end, warnings } = await load(log);
    assert.deepEqual(found, ['t=1 at 0']);
    assert.deepEqual([end, warnings.length], [4, 1]);
  });

  it('a type of record that is not known is passed over; what is no record ends the load', async () => {
    const log = new FakeLog();
    const unknown = batchWith(groupRecord('a'));
    const key = unknown.indexOf(Buffer.from([0, 2, 0, 1, 0x61]));
    unknown[key + 1] = 77;
    log.write(changed(unknown, 0));
    log.write(batchWith(offsetRecord('t', 1)));
    assert.deepEqual((await load(log)).found, ['t=1 at 1']);
    const foreign = new FakeLog();
    foreign.write(batchOf([Buffer.from('x')], { producerId: -1n, producerEpoch: -1 }, -1));
    await assert.rejects(load(foreign), GroupRecordError);
    const broken = new FakeLog();
    broken.write(changed(batchWith(offsetRecord('t', 1)), 7));
    await assert.rejects(load(broken), KafkaError);
  });

  it('more offsets than may wait at a time are replayed in parts', async () => {
    const log = new FakeLog();
    for (let at = 0; at < 11; at += 1) {
      log.write(batchWith(...Array.from({ length: 10_000 }, (_, index) => offsetRecord(`t${at}-${index}`, index))));
    }
    log.write(batchWith(offsetRecord('t0-7', 99)));
    const { found } = await load(log);
    assert.equal(found.length, 110_001);
    assert.equal(found.at(-1), 't0-7=99 at 110000');
  });
});

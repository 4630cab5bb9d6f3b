import assert from 'node:assert/strict';
import { crc32c } from '../../../src/kernel/crc32c.ts';
import * as batch from '../../../src/protocol/records/batch.ts';
import { GOLDEN_BATCH } from './golden-batch.ts';

const header: batch.BatchHeader = {
  baseOffset: 100,
  leaderEpoch: 5,
  attributes: 0,
  lastOffsetDelta: 2,
  baseTimestamp: 1_700_000_000_000n,
  maxTimestamp: 1_700_000_000_002n,
  producerId: 77n,
  producerEpoch: 2,
  baseSequence: 0,
  recordCount: 3,
};

describe('batch header', () => {
  it('is written as Kafka writes it', () => {
    const bytes = Buffer.alloc(GOLDEN_BATCH.length + 20);
    GOLDEN_BATCH.copy(bytes, 10 + batch.BATCH_HEADER_BYTES, batch.BATCH_HEADER_BYTES);
    batch.sealBatch(bytes, 10, 10 + GOLDEN_BATCH.length, header);
    assert.deepEqual(bytes.subarray(10, 10 + GOLDEN_BATCH.length), GOLDEN_BATCH);
    assert.deepEqual(bytes.subarray(0, 10), Buffer.alloc(10));
  });

  it('is read field by field', () => {
    const bytes = Buffer.concat([Buffer.alloc(3), GOLDEN_BATCH]);
    assert.deepEqual(
      {
        baseOffset: batch.baseOffset(bytes, 3),
        leaderEpoch: batch.leaderEpoch(bytes, 3),
        attributes: batch.attributes(bytes, 3),
        lastOffsetDelta: batch.lastOffsetDelta(bytes, 3),
        baseTimestamp: batch.baseTimestamp(bytes, 3),
        maxTimestamp: batch.maxTimestamp(bytes, 3),
        producerId: batch.producerId(bytes, 3),
        producerEpoch: batch.producerEpoch(bytes, 3),
        baseSequence: batch.baseSequence(bytes, 3),
        recordCount: batch.recordCount(bytes, 3),
      },
      header,
    );
    assert.equal(batch.magic(bytes, 3), 2);
    assert.equal(batch.batchBytes(bytes, 3), GOLDEN_BATCH.length);
    assert.equal(batch.lastOffset(bytes, 3), 102);
    assert.equal(batch.crc(bytes, 3), 0xd3f9eade);
    assert.equal(batch.computeCrc(bytes, 3), 0xd3f9eade);
  });

  it('takes another base offset and leader epoch without another CRC', () => {
    const bytes = Buffer.from(GOLDEN_BATCH);
    for (const offset of [0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      batch.patchBaseOffset(bytes, 0, offset);
      assert.equal(batch.baseOffset(bytes, 0), offset);
      assert.equal(bytes.readBigInt64BE(0), BigInt(offset));
    }
    batch.patchLeaderEpoch(bytes, 0, 9);
    assert.equal(batch.leaderEpoch(bytes, 0), 9);
    assert.equal(batch.computeCrc(bytes, 0), 0xd3f9eade);
  });

  it('takes another timestamp and other attributes with another CRC', () => {
    const bytes = Buffer.from(GOLDEN_BATCH);
    batch.patchMaxTimestamp(bytes, 0, 1_800_000_000_000n);
    batch.patchAttributes(bytes, 0, batch.LOG_APPEND_TIME_BIT);
    assert.notEqual(batch.computeCrc(bytes, 0), batch.crc(bytes, 0));
    batch.patchCrc(bytes, 0);
    assert.equal(batch.crc(bytes, 0), crc32c(bytes, 21));
    assert.equal(batch.maxTimestamp(bytes, 0), 1_800_000_000_000n);
  });
});

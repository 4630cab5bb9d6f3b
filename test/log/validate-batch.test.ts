import assert from 'node:assert/strict';
import { BATCH_BYTES_MAX } from '../../src/log/batch-scan.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../src/log/log-config.ts';
import {
  checkBatchHeader,
  checkRecords,
  decompressedBytesMax,
  settleTimestamps,
} from '../../src/log/validate-batch.ts';
import type { ErrorName } from '../../src/protocol/errors.ts';
import { batchOf, DEFAULT_TIMESTAMP, reseal } from './batches.ts';
import { isError } from './log-in-world.ts';

const NOW = Number(DEFAULT_TIMESTAMP) + 1000;

/** Changes a batch and puts its CRC right. */
function changed(change: (bytes: Buffer) => void, bytes = batchOf(['a', 'b'])): Buffer {
  change(bytes);
  return reseal(bytes);
}

function check(bytes: Buffer, config: Partial<LogConfig> = {}, apiVersion = 9): void {
  checkBatchHeader(bytes, 'client', { ...DEFAULT_LOG_CONFIG, ...config }, apiVersion);
}

function settle(bytes: Buffer, config: Partial<LogConfig> = {}): bigint {
  const merged = { ...DEFAULT_LOG_CONFIG, ...config };
  return settleTimestamps(bytes, checkRecords(bytes, bytes, 61, merged), 'client', merged, NOW);
}

describe('log: batch validation', () => {
  it('a sound batch passes', () => {
    check(batchOf(['a']));
    check(batchOf(['a', 'b'], { producerId: 7n, sequence: 0 }));
    check(batchOf(['a', 'b'], { gzip: true }));
    // kafkajs writes epoch 0 and sequence 0 without a producer id.
    check(batchOf(['a'], { epoch: 0, sequence: 0 }));
  });

  const refused: readonly (readonly [string, ErrorName, Buffer, Partial<LogConfig>?, number?])[] = [
    ['nothing', 'INVALID_RECORD', Buffer.alloc(0)],
    ['a few bytes', 'CORRUPT_MESSAGE', Buffer.alloc(10)],
    ['half a batch', 'CORRUPT_MESSAGE', batchOf(['abc']).subarray(0, 65)],
    ['a header alone, cut', 'CORRUPT_MESSAGE', batchOf(['abc']).subarray(0, 60)],
    ['a negative length', 'CORRUPT_MESSAGE', changed((bytes) => bytes.writeInt32BE(-5, 8))],
    ['two batches', 'INVALID_RECORD', Buffer.concat([batchOf(['a']), batchOf(['b'])])],
    ['a wrong CRC', 'CORRUPT_MESSAGE', Buffer.from(batchOf(['a']).fill(9, 62, 63))],
    ['magic 1', 'UNSUPPORTED_FOR_MESSAGE_FORMAT', changed((bytes) => bytes.writeInt8(1, 16))],
    ['magic 0', 'UNSUPPORTED_FOR_MESSAGE_FORMAT', changed((bytes) => bytes.writeInt8(0, 16))],
    ['magic 3', 'UNSUPPORTED_FOR_MESSAGE_FORMAT', changed((bytes) => bytes.writeInt8(3, 16))],
    ['more than max.message.bytes', 'MESSAGE_TOO_LARGE', batchOf(['abcdef']), { maxMessageBytes: 70 }],
    ['more than segment.bytes', 'RECORD_LIST_TOO_LARGE', batchOf(['abcdef']), { segmentBytes: 70 }],
    ['a base offset', 'INVALID_RECORD', batchOf(['a'], { baseOffset: 1 })],
    ['no record', 'INVALID_RECORD', batchOf([], { maxTimestamp: 0n, recordCount: 0, lastOffsetDelta: -1 })],
    ['a negative count', 'INVALID_RECORD', batchOf(['a'], { recordCount: -1 })],
    ['a count that is not the last offset delta + 1', 'INVALID_RECORD', batchOf(['a', 'b'], { lastOffsetDelta: 2 })],
    ['a control batch', 'INVALID_RECORD', batchOf(['a'], { attributes: 0x20, producerId: 7n, sequence: 0 })],
    ['a transactional batch', 'INVALID_TXN_STATE', batchOf(['a'], { attributes: 0x10, producerId: 7n, sequence: 0 })],
    ['a transactional batch without a producer', 'INVALID_RECORD', batchOf(['a'], { attributes: 0x10 })],
    ['a delete horizon', 'INVALID_RECORD', batchOf(['a'], { attributes: 0x40 })],
    ['unknown attributes', 'INVALID_RECORD', batchOf(['a'], { attributes: 0x80 })],
    ['a producer without a sequence', 'INVALID_RECORD', batchOf(['a'], { producerId: 7n, sequence: -1 })],
    ['a producer without an epoch', 'INVALID_RECORD', batchOf(['a'], { producerId: 7n, sequence: 0, epoch: -1 })],
    ['codec 5', 'UNSUPPORTED_COMPRESSION_TYPE', batchOf(['a'], { attributes: 5 })],
    ['codec 7', 'UNSUPPORTED_COMPRESSION_TYPE', batchOf(['a'], { attributes: 7 })],
    ['zstd before Produce 7', 'UNSUPPORTED_COMPRESSION_TYPE', batchOf(['a'], { attributes: 4 }), {}, 6],
  ];
  for (const [what, errorName, bytes, config, apiVersion] of refused) {
    it(`refuses ${what}: ${errorName}`, () => {
      assert.throws(() => check(bytes, config, apiVersion), isError(errorName));
    });
  }

  it('refuses a batch that no walk of a segment would take, whatever the topic allows', () => {
    const bytes = Buffer.alloc(BATCH_BYTES_MAX + 1);
    batchOf(['a']).copy(bytes);
    bytes.writeInt32BE(bytes.length - 12, 8);
    const config = { maxMessageBytes: 2 ** 31 - 1, segmentBytes: 2 ** 31 - 1 };
    assert.throws(() => checkBatchHeader(bytes, 'follower', config, undefined), isError('MESSAGE_TOO_LARGE'));
  });

  it('a coordinator may write control and transactional batches', () => {
    const marker = batchOf(['a'], { attributes: 0x30, producerId: 7n, sequence: -1 });
    checkBatchHeader(marker, 'coordinator', DEFAULT_LOG_CONFIG, undefined);
  });

  it('refuses records that a consumer could not read', () => {
    for (const bytes of [
      batchOf(['a', 'b'], { offsetDeltas: [0, 2] }),
      batchOf(['a', 'b'], { offsetDeltas: [1, 0] }),
      batchOf(['a', 'b'], { recordCount: 1, lastOffsetDelta: 0 }),
      changed((copy) => copy.writeInt8(0x7e, 61)),
    ]) {
      assert.throws(() => checkRecords(bytes, bytes, 61, DEFAULT_LOG_CONFIG), isError('INVALID_RECORD'));
    }
  });

  it('leaves a batch alone whose maximal timestamp is right', () => {
    const bytes = batchOf(['a', 'b']);
    const before = Buffer.from(bytes);
    assert.equal(settle(bytes), -1n);
    assert.ok(bytes.equals(before));
  });

  it('puts a wrong maximal timestamp right, and the CRC', () => {
    const bytes = batchOf(['a', 'b'], { maxTimestamp: 5n, timestampDeltas: [9, 3] });
    settle(bytes);
    assert.ok(bytes.equals(batchOf(['a', 'b'], { timestampDeltas: [9, 3] })));
  });

  it('LogAppendTime sets the time, the bit and the CRC', () => {
    const bytes = batchOf(['a', 'b']);
    assert.equal(settle(bytes, { timestampType: 'LogAppendTime' }), BigInt(NOW));
    assert.ok(bytes.equals(batchOf(['a', 'b'], { attributes: 8, maxTimestamp: BigInt(NOW) })));
  });

  const untimely: readonly (readonly [string, Buffer, Partial<LogConfig>])[] = [
    ['too far ahead', batchOf(['a'], { timestamp: BigInt(NOW) + 3_600_001n }), {}],
    ['one record too far ahead', batchOf(['a', 'b'], { timestampDeltas: [0, 3_602_000] }), {}],
    ['too old', batchOf(['a', 'b'], { timestampDeltas: [-5000, 0] }), { timestampBeforeMaxMs: 5000n }],
    ['marked as append time', batchOf(['a'], { attributes: 8 }), {}],
  ];
  for (const [what, bytes, config] of untimely) {
    it(`refuses timestamps that are ${what}`, () => {
      assert.throws(() => settle(bytes, config), isError('INVALID_TIMESTAMP'));
    });
  }

  it('accepts records without a timestamp, and any age by default', () => {
    settle(batchOf(['a'], { timestamp: -1n, timestampDeltas: [0] }), { timestampBeforeMaxMs: 5n });
    settle(batchOf(['a'], { timestamp: 0n }));
  });

  it('bounds a decompression by its input, but lets small ones be', () => {
    assert.equal(decompressedBytesMax(100), 8 * 1024 * 1024);
    assert.equal(decompressedBytesMax(1024 * 1024), 64 * 1024 * 1024);
    assert.equal(decompressedBytesMax(50 * 1024 * 1024), 100 * 1024 * 1024);
  });
});

/** B-6: records that hold more than they may, or say so. Refused, without memory for what they say and without a long turn. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { Produce } from '../../../src/protocol/apis/index.ts';
import { type Codec, codecAvailable, codecId, compress } from '../../../src/protocol/records/compression.ts';
import { frameOf } from '../fake-socket.ts';
import { hostileTest, TOPIC } from './hostile.ts';
import { batchWith, HEAD, NONE, NULL, recordOf } from './raw-batch.ts';

type Row = readonly [name: string, codec: Exclude<Codec, 'none'>, section: () => Buffer | Promise<Buffer>];

const MIB = 1 << 20;
const PLAIN = recordOf(HEAD, NULL, NULL, NONE);
const XERIAL = Buffer.from('82534e41505059000000000100000001', 'hex');
/** No batch of the tests may take longer, in a machine that does other things too. */
const PRODUCE_MS_MAX = 3000;
/** Of 8 MiB bombs undone between its turns it waited for 3 seconds and more. */
const HEALTHY_MS_MAX = 1000;
const MEMORY_BYTES_MAX = 160 * MIB;

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Its last 8 bytes are checksum and length. */
function withoutChecksum(gzipped: Buffer): Buffer {
  return gzipped.fill(0, gzipped.length - 8, gzipped.length - 4);
}

/** zstd: a frame of blocks that repeat one byte, 128 KiB for four. */
function zstdBomb(blockCount: number): Buffer {
  const blocks = Array.from({ length: blockCount }, (_, index) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUIntLE((index === blockCount - 1 ? 1 : 0) | (1 << 1) | ((128 << 10) << 3), 0, 3);
    return bytes;
  });
  return Buffer.concat([Buffer.from('28b52ffd0038', 'hex'), ...blocks]);
}

/** zstd: a single segment that says it holds so much, and holds one byte. */
function zstdLiar(contentBytes: bigint): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(contentBytes);
  return Buffer.concat([Buffer.from('28b52ffde0', 'hex'), size, Buffer.from('09000041', 'hex')]);
}

const ROWS: readonly Row[] = [
  ['9 MiB in 9 KiB', 'gzip', () => gzipSync(Buffer.alloc(9 * MIB))],
  ['500 MiB in 500 KiB', 'gzip', () => Buffer.concat(Array<Buffer>(50).fill(gzipSync(Buffer.alloc(10 * MIB))))],
  ['a stream that is cut off', 'gzip', () => gzipSync(Buffer.alloc(1000, 'ab')).subarray(0, 15)],
  ['a stream with a wrong checksum', 'gzip', () => withoutChecksum(gzipSync(PLAIN))],
  ['nothing', 'gzip', () => Buffer.alloc(0)],
  ['what is none', 'gzip', () => Buffer.alloc(100, 'x')],
  ['a block that says it holds 4 GiB', 'snappy', () => Buffer.from('ffffffff0f00', 'hex')],
  ['a block that says it holds 2^35', 'snappy', () => Buffer.from('ffffffff7f00', 'hex')],
  ['a length without an end', 'snappy', () => Buffer.alloc(64, 0xff)],
  ['a copy from before its start', 'snappy', () => Buffer.from('040900ffff', 'hex')],
  ['a copy from where it is', 'snappy', () => Buffer.from('0500610100', 'hex')],
  ['a literal longer than the block', 'snappy', () => Buffer.from('04fcffffffff', 'hex')],
  ['less than it says', 'snappy', () => Buffer.from('640061', 'hex')],
  ['a chunk of length -1', 'snappy', () => Buffer.concat([XERIAL, int32(-1)])],
  ['a chunk of 2^31 - 1 bytes', 'snappy', () => Buffer.concat([XERIAL, int32(0x7fffffff), PLAIN])],
  ['a chunk that is cut off', 'snappy', () => Buffer.concat([XERIAL, int32(100), PLAIN])],
  ['half the length of a chunk', 'snappy', () => Buffer.concat([XERIAL, Buffer.from([0, 0])])],
  ['framing without chunks', 'snappy', () => XERIAL],
  ['64 MiB in 260 KiB', 'lz4', () => compress('lz4', Buffer.alloc(64 * MIB))],
  ['a block of 4 GiB', 'lz4', () => Buffer.from('04224d18604082ffffff7f', 'hex')],
  ['a frame that is cut off', 'lz4', () => Buffer.from('04224d18604082', 'hex')],
  ['another version', 'lz4', () => Buffer.from('04224d1820408200000000', 'hex')],
  ['a dictionary', 'lz4', () => Buffer.from('04224d18614082000000000000000000', 'hex')],
  ['only what may be skipped', 'lz4', () => Buffer.from('502a4d18ffffffff00000000', 'hex')],
  ['a match from before the start', 'lz4', () => Buffer.from('04224d186040820400000010' + '61ffff00000000', 'hex')],
  ['256 MiB in 8 KiB', 'zstd', () => zstdBomb(2048)],
  ['a frame that says it holds 2^63 bytes', 'zstd', () => zstdLiar(2n ** 63n)],
  ['a frame that says it holds 99 MiB', 'zstd', () => zstdLiar(99n << 20n)],
  ['a frame that is cut off', 'zstd', () => zstdBomb(3).subarray(0, 13)],
  ['another magic', 'zstd', () => Buffer.alloc(32, 0x28)],
  ['only what may be skipped', 'zstd', () => Buffer.from('502a4d1804000000deadbeef', 'hex')],
];

describe('bad input: compressed records', () => {
  const running = hostileTest();

  for (const [name, codec, section] of ROWS) {
    // Without its codec a batch is stored on its header.
    if (!codecAvailable(codec)) continue;
    it(`B-6: ${codec}: ${name}: INVALID_RECORD`, async () => {
      const test = running();
      const batch = batchWith(await section(), { recordCount: 1, attributes: codecId(codec) });
      const { rss } = process.memoryUsage();
      const beganMs = performance.now();
      assert.equal(await test.unmoved(() => test.produce(batch)), 'INVALID_RECORD');
      assert.ok(performance.now() - beganMs < PRODUCE_MS_MAX);
      assert.ok(process.memoryUsage().rss - rss < MEMORY_BYTES_MAX);
    });
  }

  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    if (!codecAvailable(codec)) continue;
    it(`B-6: ${codec}: records that are broken inside a sound stream: INVALID_RECORD`, async () => {
      const test = running();
      for (const records of [Buffer.alloc(0), Buffer.alloc(MIB), Buffer.concat([PLAIN, PLAIN])]) {
        const batch = batchWith(await compress(codec, records), { recordCount: 1, attributes: codecId(codec) });
        assert.equal(await test.unmoved(() => test.produce(batch)), 'INVALID_RECORD');
      }
    });
  }

  it('B-6: forty connections full of bombs leave a healthy client its turn', async () => {
    const test = running();
    const batch = batchWith(gzipSync(Buffer.alloc(8 * MIB)), { recordCount: 1, attributes: codecId('gzip') });
    const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records: [batch] }] }];
    const frame = frameOf(Produce, 9, 7, { acks: -1, timeoutMs: 1000, topicData });
    const hostiles = await Promise.all(Array.from({ length: 40 }, () => test.open()));
    for (const { socket } of hostiles) for (let times = 0; times < 20; times += 1) socket.write(frame);
    const latenciesMs: number[] = [];
    for (let times = 0; times < 20; times += 1) {
      const beganMs = performance.now();
      await test.produceHealthily();
      latenciesMs.push(performance.now() - beganMs);
    }
    for (const { socket } of hostiles) socket.destroy();
    const slowestMs = Math.max(...latenciesMs);
    assert.ok(slowestMs < HEALTHY_MS_MAX, `${Math.round(slowestMs)} ms`);
  });
});

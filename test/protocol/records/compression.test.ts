import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { KafkaError } from '../../../src/protocol/errors.ts';
import {
  CODECS,
  type Codec,
  codecAvailable,
  codecId,
  codecOf,
  compress,
  decompress,
  decompressSync,
} from '../../../src/protocol/records/compression.ts';
import { zstdFrames } from '../../../src/protocol/records/zstd.ts';
import { arbitraryPayload } from './arbitrary-payload.ts';

const LARGE = 1 << 26;

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function isInvalid(error: unknown): boolean {
  return error instanceof KafkaError && error.errorName === 'INVALID_RECORD';
}

/** Random enough not to shrink to nothing, regular enough to shrink. */
function text(byteCount: number): Buffer {
  let line = 0;
  let all = '';
  while (all.length < byteCount) {
    all += `${line++} the ${(line * 7919) % 977} quick brown foxes jump over ${(line * 104729) % 131} lazy dogs\n`;
  }
  return Buffer.from(all.slice(0, byteCount));
}

describe('compression', () => {
  for (const codec of CODECS.filter((each) => each !== 'none' && codecAvailable(each))) {
    describe(codec, () => {
      it('gives back what was put in, in both ways', async () => {
        await fc.assert(
          fc.asyncProperty(arbitraryPayload, async (payload) => {
            const compressed = await compress(codec, payload);
            assert.deepEqual(await decompress(codec, compressed, LARGE), payload);
            assert.deepEqual(decompressSync(codec, compressed, LARGE), payload);
          }),
          { numRuns: 100 },
        );
      });

      it('gives back several blocks, and makes text smaller', async () => {
        for (const byteCount of [65_535, 65_536, 65_537, 1_000_000]) {
          const payload = text(byteCount);
          const compressed = await compress(codec, payload);
          assert.ok(compressed.length < byteCount * 0.6);
          assert.ok(payload.equals(await decompress(codec, compressed, byteCount)));
        }
      });

      it('stops at the limit, to the byte', async () => {
        const payload = text(100_000);
        const compressed = await compress(codec, payload);
        assert.ok(payload.equals(decompressSync(codec, compressed, 100_000)));
        for (const limit of [0, 1, 65_536, 99_999]) {
          await assert.rejects(decompress(codec, compressed, limit), isInvalid);
          assert.throws(() => decompressSync(codec, compressed, limit), isInvalid);
        }
      });

      it('refuses a bomb', async () => {
        const bomb = await compress(codec, Buffer.alloc(20_000_000));
        await assert.rejects(decompress(codec, bomb, Math.min(10_000_000, 64 * bomb.length)), isInvalid);
      });

      it('refuses or survives damaged streams', async () => {
        const compressed = await compress(codec, text(3_000));
        await fc.assert(
          fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(), async (at, byte, cut) => {
            const damaged = Buffer.from(compressed);
            damaged[at % damaged.length] = byte;
            for (const stream of [damaged, damaged.subarray(0, cut % damaged.length)]) {
              try {
                assert.ok((await decompress(codec, stream, 100_000)).length <= 100_000);
              } catch (error) {
                assert.ok(isInvalid(error), String(error));
              }
            }
          }),
          { numRuns: 300 },
        );
      });

      it('refuses random bytes with the right error, or reads them', async () => {
        await fc.assert(
          fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
            try {
              await decompress(codec, bytes, 1_000);
            } catch (error) {
              assert.ok(isInvalid(error), String(error));
            }
          }),
          { numRuns: 300 },
        );
      });
    });
  }

  it('knows the ids 0 to 4 and no others', () => {
    assert.deepEqual([0x10, 1, 2, 0x0b, 4, 5, 6, 7].map(codecOf), [
      'none',
      'gzip',
      'snappy',
      'lz4',
      'zstd',
      undefined,
      undefined,
      undefined,
    ]);
    assert.deepEqual(CODECS.map(codecId), [0, 1, 2, 3, 4]);
  });
});

describe('compression: streams of others', () => {
  const payload = text(200_000);

  it('reads gzip members one after the other', async () => {
    const members = Buffer.concat([gzipSync(payload.subarray(0, 1000)), gzipSync(payload.subarray(1000))]);
    assert.ok(payload.equals(await decompress('gzip', members, payload.length)));
  });

  it('reads xerial framing of several snappy blocks', async () => {
    const pieces: Buffer[] = [hex('82534e41505059 00 00000001 00000001')];
    for (let start = 0; start < payload.length; start += 32_768) {
      const block = await compress('snappy', payload.subarray(start, start + 32_768));
      const size = Buffer.alloc(4);
      size.writeInt32BE(block.length);
      pieces.push(size, block);
    }
    const framed = Buffer.concat(pieces);
    assert.ok(payload.equals(await decompress('snappy', framed, payload.length)));
    await assert.rejects(decompress('snappy', framed, payload.length - 1), isInvalid);
    await assert.rejects(decompress('snappy', framed.subarray(0, framed.length - 1), payload.length), isInvalid);
  });

  it('reads all shapes of snappy elements', async () => {
    // 'abcd', one-byte-offset copy of 4, two-byte-offset copy of 3, four-byte-offset copy of 2, literal with its own length byte.
    const block = hex('0e 0c 61626364 01 04 0a 0400 07 02000000 f0 00 7a');
    assert.equal((await decompress('snappy', block, 100)).toString(), 'abcdabcdabcbcz');
  });

  it('refuses snappy lengths that no block of this size can reach', async () => {
    await assert.rejects(decompress('snappy', hex('ffffff7f 00 61'), LARGE * 8), isInvalid);
  });

  it('reads lz4 frames with a content size and checksums, stored blocks, and several frames', async () => {
    // 'abcd', a match of 12 bytes from 4 back, 'abcde'; then 'xyz' stored as it is.
    const blocks = '0d000000 48 61626364 0400 50 6162636465 00000000  03000080 78797a 00000000';
    const frame = hex(`04224d18 5c 40 1800000000000000 00 ${blocks} 00000000 00000000`);
    const skippable = hex('502a4d18 02000000 ffff');
    const once = 'abcdabcdabcdabcdabcdexyz';
    assert.equal((await decompress('lz4', frame, 100)).toString(), once);
    assert.equal((await decompress('lz4', Buffer.concat([skippable, frame, frame]), 100)).toString(), once + once);
    await assert.rejects(decompress('lz4', Buffer.concat([frame, frame]), 2 * once.length - 1), isInvalid);
  });

  it('reads an lz4 match that reaches into the block before it', async () => {
    const frame = hex('04224d18 40 40 00 05000000 40 61626364 0a000000 20 7879 0600 40 31323334 00000000');
    assert.equal((await decompress('lz4', frame, 100)).toString(), 'abcdxyabcd1234');
  });

  it('reads zstd frames one after the other, stored and repeated blocks, and skips skippable ones', async function () {
    if (!codecAvailable('zstd')) {
      this.skip();
    }
    const stored = hex('28b52ffd 20 03 190000 616263');
    const repeated = hex('28b52ffd 20 05 2b0000 7a');
    const skippable = hex('512a4d18 01000000 00');
    const stream = Buffer.concat([stored, skippable, repeated, await compress('zstd', payload)]);
    const whole = Buffer.concat([Buffer.from('abczzzzz'), payload]);
    assert.ok(whole.equals(await decompress('zstd', stream, whole.length)));
    assert.ok(whole.equals(decompressSync('zstd', stream, whole.length)));
    await assert.rejects(decompress('zstd', stream, whole.length - 1), isInvalid);
  });

  it('refuses a zstd frame by what its blocks can hold, before it is decompressed', () => {
    const block = (last: boolean) => hex(`${last ? '03' : '02'}0010 00`);
    const bomb = Buffer.concat([hex('28b52ffd 00 58'), ...Array<Buffer>(5_000).fill(block(false)), block(true)]);
    assert.throws(() => zstdFrames(bomb, 1 << 20), isInvalid);
    assert.equal(zstdFrames(bomb, 1 << 30).length, 1);
  });

  it('says what to install where there is no zstd', async function () {
    if (codecAvailable('zstd')) {
      this.skip();
    }
    const isUnsupported = (error: unknown) =>
      error instanceof KafkaError && error.errorName === 'UNSUPPORTED_COMPRESSION_TYPE';
    await assert.rejects(compress('zstd', payload), isUnsupported);
    await assert.rejects(decompress('zstd', Buffer.alloc(9), 9), isUnsupported);
  });

  it('tells zstd frames with checksums apart', () => {
    const frame = hex('28b52ffd 24 03 190000 616263 01020304');
    assert.deepEqual(zstdFrames(Buffer.concat([frame, frame]), 100), [frame, frame]);
  });
});

describe('compression: none', () => {
  it('hands bytes on', async () => {
    const codec: Codec = 'none';
    const bytes = Buffer.from('abc');
    assert.equal(await compress(codec, bytes), bytes);
    assert.equal(decompressSync(codec, bytes, 0), bytes);
  });
});

/**
 * Snappy: a raw block is an unsigned varint (its length decompressed), then literals and copies. Java's clients wrap several
 * blocks in xerial's framing, big endian:
 *
 *     82 53 4e 41 50 50 59 00 | int32 version | int32 compatible | (int32 size | raw block)...
 *
 * Blocks are written by a package. They are read here: its reader leaks what it allocated when a block is broken.
 * Source: google/snappy format_description.txt; xerial's SnappyOutputStream.java.
 */
import { brokenStream, copyBack, copyLiterals } from './bounded-output.ts';

/** One raw block. */
export async function snappyBlock(bytes: Uint8Array): Promise<Buffer> {
  const { snappyCompress } = await import('@platformatic/wasm-utils/bundled');
  return snappyCompress(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** A raw block or xerial's framing. Throws KafkaError INVALID_RECORD, also when more than `maxOutputBytes` come out. */
export function readSnappy(input: Buffer, maxOutputBytes: number): Buffer {
  return isXerial(input) ? readXerial(input, maxOutputBytes) : readBlock(input, maxOutputBytes);
}

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

function isXerial(input: Buffer): boolean {
  return input.length >= XERIAL_HEADER_BYTES && XERIAL_MAGIC.equals(input.subarray(0, XERIAL_MAGIC.length));
}

function readXerial(input: Buffer, maxOutputBytes: number): Buffer {
  const outputs: Buffer[] = [];
  let outputBytes = 0;
  let position = XERIAL_HEADER_BYTES;
  while (position < input.length) {
    const byteCount = position + 4 <= input.length ? input.readInt32BE(position) : -1;
    const start = position + 4;
    if (byteCount < 0 || byteCount > input.length - start) {
      throw brokenStream('a snappy chunk is cut off');
    }
    const output = readBlock(input.subarray(start, start + byteCount), maxOutputBytes - outputBytes);
    outputs.push(output);
    outputBytes += output.length;
    position = start + byteCount;
  }
  return Buffer.concat(outputs);
}

/** A copy of 64 bytes takes 3, so nothing grows more. */
const GROWTH_MAX = 22;

function readBlock(input: Buffer, maxOutputBytes: number): Buffer {
  const { outputBytes, start } = readOutputBytes(input);
  if (outputBytes > maxOutputBytes || outputBytes > input.length * GROWTH_MAX) {
    throw brokenStream(`a snappy block says that it holds ${outputBytes} bytes`);
  }
  const output = Buffer.allocUnsafe(outputBytes);
  let position = start;
  let outputPosition = 0;
  while (position < input.length) {
    const tag = input[position++] as number;
    if ((tag & 3) === 0) {
      const lengthBytes = Math.max(0, (tag >> 2) - 59);
      const byteCount = (lengthBytes === 0 ? tag >> 2 : readLittleEndian(input, position, lengthBytes)) + 1;
      position += lengthBytes;
      if (byteCount > input.length - position || byteCount > outputBytes - outputPosition) {
        throw brokenStream('a snappy literal passes the end');
      }
      outputPosition = copyLiterals(input, position, byteCount, output, outputPosition);
      position += byteCount;
    } else {
      const distanceBytes = (tag & 3) === 3 ? 4 : tag & 3;
      const low = readLittleEndian(input, position, distanceBytes);
      const distance = distanceBytes === 1 ? ((tag >> 5) << 8) | low : low;
      const byteCount = distanceBytes === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      position += distanceBytes;
      if (distance === 0 || distance > outputPosition || byteCount > outputBytes - outputPosition) {
        throw brokenStream('a snappy copy reaches out of its block');
      }
      outputPosition = copyBack(output, outputPosition, distance, byteCount);
    }
  }
  if (outputPosition !== outputBytes) {
    throw brokenStream('a snappy block holds less than it says');
  }
  return output;
}

function readOutputBytes(input: Buffer): { outputBytes: number; start: number } {
  let outputBytes = 0;
  for (let index = 0; index < 5; index++) {
    const byte = input[index];
    if (byte === undefined) {
      break;
    }
    outputBytes += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) {
      return { outputBytes, start: index + 1 };
    }
  }
  throw brokenStream('a snappy block does not begin with its length');
}

/** 1 to 4 bytes; throws when they are not there. */
function readLittleEndian(input: Buffer, position: number, byteCount: number): number {
  if (byteCount > input.length - position) {
    throw brokenStream('a snappy block is cut off');
  }
  let value = input[position] as number;
  for (let index = 1; index < byteCount; index++) {
    value += (input[position + index] as number) * 2 ** (8 * index);
  }
  return value;
}

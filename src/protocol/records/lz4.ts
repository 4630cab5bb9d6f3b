/**
 * LZ4 frames (lz4_Frame_format.md 1.6), little endian:
 *
 *     04 22 4d 18 | FLG | BD | [content size 8] | [dictionary id 4] | HC | blocks... | 00 00 00 00 | [content checksum 4]
 *     block: u32 size, top bit = stored as it is | bytes | [block checksum 4]
 *
 * Blocks are written by a package. They are read here: its reader has no limit, a frame can grow 255 times, and WASM memory
 * is never given back, least of all after a broken stream. Checksums are not checked: the batch's CRC covers them.
 */
import { brokenStream, copyBack, copyLiterals } from './bounded-output.ts';

/** One frame of independent blocks of 64 KiB. */
export async function lz4Frame(bytes: Uint8Array): Promise<Buffer> {
  const { lz4Compress } = await import('@platformatic/wasm-utils/bundled');
  const pieces: Uint8Array[] = [FRAME_HEADER];
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const block = bytes.subarray(start, start + BLOCK_BYTES);
    const frame = lz4Compress(Buffer.from(block.buffer, block.byteOffset, block.byteLength));
    if (frame.readUInt32LE(0) !== MAGIC || frame.length < FRAME_HEADER.length + END_MARK.length) {
      throw new Error('the lz4 package wrote another kind of frame than it used to');
    }
    pieces.push(frame.subarray(FRAME_HEADER.length, frame.length - END_MARK.length));
  }
  pieces.push(END_MARK);
  return Buffer.concat(pieces);
}

/** All frames in `input`, one after the other. Throws KafkaError INVALID_RECORD, also when more than `maxOutputBytes` come out. */
export function readLz4Frames(input: Buffer, maxOutputBytes: number): Buffer {
  const outputs: Buffer[] = [];
  let position = 0;
  let outputBytes = 0;
  while (position < input.length) {
    const frame = readFrameHeader(input, position);
    position = frame.blocksStart;
    if (frame.kind === 'blocks') {
      const { output, end } = readBlocks(input, frame, maxOutputBytes - outputBytes);
      outputs.push(output);
      outputBytes += output.length;
      position = end;
    }
  }
  const [first, ...others] = outputs;
  if (first === undefined) {
    throw brokenStream('there is no lz4 frame');
  }
  return others.length === 0 ? first : Buffer.concat(outputs);
}

const MAGIC = 0x184d2204;
const BLOCK_BYTES = 64 * 1024;
/** Version 1, independent blocks of at most 64 KiB, no checksums; the last byte is the checksum of the two before it. */
const FRAME_HEADER = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82);
const END_MARK = Uint8Array.of(0, 0, 0, 0);

interface FrameHeader {
  /** `skipped`: a skippable frame, `blocksStart` lies behind it. */
  readonly kind: 'blocks' | 'skipped';
  readonly blocksStart: number;
  readonly blockBytesMax: number;
  readonly blockChecksumBytes: number;
  readonly contentChecksumBytes: number;
}

function readFrameHeader(input: Buffer, start: number): FrameHeader {
  if (start + 7 > input.length) {
    throw brokenStream('an lz4 frame header is cut off');
  }
  const magic = input.readUInt32LE(start);
  if (magic >>> 4 === 0x184d2a5 && start + 8 <= input.length) {
    const blocksStart = start + 8 + input.readUInt32LE(start + 4);
    return { kind: 'skipped', blocksStart, blockBytesMax: 0, blockChecksumBytes: 0, contentChecksumBytes: 0 };
  }
  const flags = input[start + 4] as number;
  const blockSizeId = ((input[start + 5] as number) >> 4) & 7;
  if (magic !== MAGIC || flags >> 6 !== 1 || blockSizeId < 4 || (flags & 1) !== 0) {
    throw brokenStream('not an lz4 frame of version 1 without a dictionary');
  }
  return {
    kind: 'blocks',
    blocksStart: start + ((flags & 8) === 0 ? 7 : 15),
    blockBytesMax: 1 << (8 + 2 * blockSizeId),
    blockChecksumBytes: (flags & 0x10) === 0 ? 0 : 4,
    contentChecksumBytes: (flags & 4) === 0 ? 0 : 4,
  };
}

function readBlocks(input: Buffer, frame: FrameHeader, maxOutputBytes: number): { output: Buffer; end: number } {
  const output = Buffer.allocUnsafe(Math.min(maxOutputBytes, outputBytesBound(input, frame)));
  let outputPosition = 0;
  let position = frame.blocksStart;
  for (;;) {
    const block = readBlockHeader(input, position, frame);
    if (block.byteCount === 0) {
      const end = block.start + frame.contentChecksumBytes;
      if (end > input.length) {
        throw brokenStream('an lz4 frame is cut off');
      }
      return { output: output.subarray(0, outputPosition), end };
    }
    const end = block.start + block.byteCount;
    const limit = Math.min(output.length, outputPosition + frame.blockBytesMax);
    if (block.stored) {
      if (block.byteCount > limit - outputPosition) {
        throw brokenStream('an lz4 block is larger than allowed');
      }
      input.copy(output, outputPosition, block.start, end);
      outputPosition += block.byteCount;
    } else {
      outputPosition = readBlock(input, block.start, end, output, outputPosition, limit);
    }
    position = end + frame.blockChecksumBytes;
  }
}

/** What the frame's blocks can hold at most: a full block each, or 255 times their size. */
function outputBytesBound(input: Buffer, frame: FrameHeader): number {
  let bound = 0;
  let position = frame.blocksStart;
  for (;;) {
    const block = readBlockHeader(input, position, frame);
    if (block.byteCount === 0) {
      return bound;
    }
    bound += block.stored ? block.byteCount : Math.min(frame.blockBytesMax, block.byteCount * 255);
    position = block.start + block.byteCount + frame.blockChecksumBytes;
  }
}

function readBlockHeader(input: Buffer, position: number, frame: FrameHeader) {
  if (position + 4 > input.length) {
    throw brokenStream('an lz4 frame is cut off');
  }
  const word = input.readUInt32LE(position);
  const byteCount = word & 0x7fff_ffff;
  const start = position + 4;
  if (byteCount > frame.blockBytesMax || start + byteCount > input.length) {
    throw brokenStream('an lz4 block is cut off or too large');
  }
  return { start, byteCount, stored: word > 0x7fff_ffff };
}

/**
 * One compressed block into `output`, from `outputStart` up to `outputLimit` (exclusive). Matches may reach back into earlier
 * blocks, which only frames of dependent blocks do. Answers the position behind the output.
 */
function readBlock(
  input: Buffer,
  start: number,
  end: number,
  output: Buffer,
  outputStart: number,
  outputLimit: number,
): number {
  let position = start;
  let outputPosition = outputStart;
  while (position < end) {
    const token = input[position++] as number;
    let literalCount = token >> 4;
    if (literalCount === 15) {
      let more: number;
      do {
        more = position < end ? (input[position++] as number) : 0;
        literalCount += more;
      } while (more === 255);
    }
    if (literalCount > end - position || literalCount > outputLimit - outputPosition) {
      throw brokenStream('an lz4 literal passes the end of its block');
    }
    outputPosition = copyLiterals(input, position, literalCount, output, outputPosition);
    position += literalCount;
    if (position === end) {
      return outputPosition;
    }
    if (end - position < 2) {
      throw brokenStream('an lz4 match is cut off');
    }
    const distance = (input[position] as number) | ((input[position + 1] as number) << 8);
    position += 2;
    let matchCount = (token & 15) + 4;
    if (matchCount === 19) {
      let more: number;
      do {
        more = position < end ? (input[position++] as number) : 0;
        matchCount += more;
      } while (more === 255);
    }
    if (distance === 0 || distance > outputPosition || matchCount > outputLimit - outputPosition) {
      throw brokenStream('an lz4 match reaches out of its block');
    }
    outputPosition = copyBack(output, outputPosition, distance, matchCount);
  }
  return outputPosition;
}

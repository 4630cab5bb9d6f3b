/**
 * Zstandard by whoever has it: Node's zlib since 22.15, else an optional package. A stream may be several frames, and some of
 * the readers stop after one, so frames are told apart here (RFC 8878 section 3.1), little endian:
 *
 *     28 b5 2f fd | descriptor | [window 1] | [dictionary id 0-4] | [content size 0-8] | blocks... | [checksum 4]
 *     block: u24 = last (bit 0), type (bits 1-2: stored, repeated byte, compressed), size (bits 3-23)
 *
 * The walk also bounds what a frame can hold before anything is decompressed: the package's reader knows no limit.
 */
import { createRequire } from 'node:module';
import zlib from 'node:zlib';
import { KafkaError } from '../errors.ts';
import { brokenStream } from './bounded-output.ts';

export function zstdAvailable(): boolean {
  return findBackend() !== undefined;
}

export async function zstd(bytes: Uint8Array): Promise<Buffer> {
  return await backend().compress(bytes);
}

/** Throws KafkaError INVALID_RECORD, also when more than `maxOutputBytes` come out, or what the backend throws. */
export async function unzstd(input: Buffer, maxOutputBytes: number): Promise<Buffer> {
  const { decompress } = backend();
  const outputs: Buffer[] = [];
  let left = maxOutputBytes;
  for (const frame of zstdFrames(input, maxOutputBytes)) {
    const output = await decompress(frame, left);
    left = spend(left, output);
    outputs.push(output);
  }
  return join(outputs);
}

/** As `unzstd`, on this thread. */
export function unzstdSync(input: Buffer, maxOutputBytes: number): Buffer {
  const { decompressSync } = backend();
  const outputs: Buffer[] = [];
  let left = maxOutputBytes;
  for (const frame of zstdFrames(input, maxOutputBytes)) {
    const output = decompressSync(frame, left);
    left = spend(left, output);
    outputs.push(output);
  }
  return join(outputs);
}

interface Backend {
  compress(bytes: Uint8Array): Promise<Buffer>;
  decompress(frame: Buffer, maxOutputBytes: number): Promise<Buffer>;
  decompressSync(frame: Buffer, maxOutputBytes: number): Buffer;
}

type Callback = (error: Error | null, output: Buffer) => void;

/** What Node's zlib has since 22.15; the types are those of our oldest Node. */
interface ZlibWithZstd {
  readonly zstdCompress?: (bytes: Uint8Array, callback: Callback) => void;
  readonly zstdDecompress?: (bytes: Uint8Array, options: { maxOutputLength: number }, callback: Callback) => void;
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer;
}

interface ZstdPackage {
  readonly Encoder: new (level: number) => { encode(bytes: Buffer): Promise<Buffer> };
  readonly Decoder: new () => { decode(bytes: Buffer): Promise<Buffer>; decodeSync(bytes: Buffer): Buffer };
}

const PACKAGE = '@toondepauw/node-zstd';
/** Kafka's and Node's default. */
const LEVEL = 3;
/** How far the package's reader may pass the limit before its output is refused: the bound of a frame is not tight. */
const BOUND_SLACK = 4;

let found: Backend | 'none' | undefined;

function findBackend(): Backend | undefined {
  found ??= zlibBackend(zlib as ZlibWithZstd) ?? packageBackend() ?? 'none';
  return found === 'none' ? undefined : found;
}

function backend(): Backend {
  const present = findBackend();
  if (present === undefined) {
    throw new KafkaError(
      'UNSUPPORTED_COMPRESSION_TYPE',
      `zstd needs Node 22.15 or newer, or the package ${PACKAGE}: npm install ${PACKAGE}`,
    );
  }
  return present;
}

function zlibBackend({ zstdCompress, zstdDecompress, zstdDecompressSync }: ZlibWithZstd): Backend | undefined {
  if (zstdCompress === undefined || zstdDecompress === undefined || zstdDecompressSync === undefined) {
    return undefined;
  }
  const limit = (maxOutputBytes: number) => ({ maxOutputLength: Math.max(1, maxOutputBytes) });
  return {
    compress: (bytes) => settled((done) => zstdCompress(bytes, done)),
    decompress: (frame, maxOutputBytes) => settled((done) => zstdDecompress(frame, limit(maxOutputBytes), done)),
    decompressSync: (frame, maxOutputBytes) => zstdDecompressSync(frame, limit(maxOutputBytes)),
  };
}

function settled(start: (done: Callback) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    start((error, output) => (error === null ? resolve(output) : reject(error)));
  });
}

function packageBackend(): Backend | undefined {
  let zstdPackage: ZstdPackage;
  try {
    zstdPackage = createRequire(import.meta.url)(PACKAGE) as ZstdPackage;
  } catch {
    return undefined;
  }
  const { Encoder, Decoder } = zstdPackage;
  return {
    compress: (bytes) => new Encoder(LEVEL).encode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
    decompress: (frame) => new Decoder().decode(frame),
    decompressSync: (frame) => new Decoder().decodeSync(frame),
  };
}

function spend(left: number, output: Buffer): number {
  if (output.length > left) {
    throw brokenStream('a zstd stream holds more than is allowed');
  }
  return left - output.length;
}

function join(outputs: readonly Buffer[]): Buffer {
  const [first] = outputs;
  return first !== undefined && outputs.length === 1 ? first : Buffer.concat(outputs);
}

const MAGIC = 0xfd2fb528;
const BLOCK_OUTPUT_BYTES_MAX = 128 * 1024;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;

/** The frames of `input` without skippable ones. Throws when they can hold much more than `maxOutputBytes` together. */
export function zstdFrames(input: Buffer, maxOutputBytes: number): Buffer[] {
  const frames: Buffer[] = [];
  let bound = 0;
  let position = 0;
  while (position < input.length) {
    const magic = read(input, position, 4);
    if (magic >>> 4 === 0x184d2a5) {
      position += 8 + read(input, position + 4, 4);
    } else if (magic === MAGIC) {
      const frame = walkBlocks(input, position);
      frames.push(input.subarray(position, frame.end));
      bound += frame.outputBytesMax;
      position = frame.end;
    } else {
      throw brokenStream('not a zstd frame');
    }
  }
  if (frames.length === 0 || bound > maxOutputBytes * BOUND_SLACK + BLOCK_OUTPUT_BYTES_MAX) {
    throw brokenStream(`a zstd stream of ${frames.length} frames that hold up to ${bound} bytes`);
  }
  return frames;
}

function frameHeaderBytes(input: Buffer, start: number): number {
  const descriptor = read(input, start + 4, 1);
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSizeFlag = (descriptor >> 6) as 0 | 1 | 2 | 3;
  const contentSizeBytes = contentSizeFlag === 0 && singleSegment ? 1 : CONTENT_SIZE_BYTES[contentSizeFlag];
  const dictionaryIdBytes = DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
  return 5 + (singleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes;
}

/** `start` is that of the frame. */
function walkBlocks(input: Buffer, start: number): { end: number; outputBytesMax: number } {
  const checksumBytes = (read(input, start + 4, 1) & 4) === 0 ? 0 : 4;
  let position = start + frameHeaderBytes(input, start);
  let outputBytesMax = 0;
  for (let last = false; !last; ) {
    const word = read(input, position, 3);
    const type = (word >> 1) & 3;
    const size = word >> 3;
    last = (word & 1) !== 0;
    outputBytesMax += type === 2 ? BLOCK_OUTPUT_BYTES_MAX : size;
    position += 3 + (type === 1 ? 1 : size) + (last ? checksumBytes : 0);
    if (type === 3 || size > BLOCK_OUTPUT_BYTES_MAX || position > input.length) {
      throw brokenStream('a zstd block is cut off or of an unknown type');
    }
  }
  return { end: position, outputBytesMax };
}

/** A little-endian number of 1 to 4 bytes; throws when they are not there. */
function read(input: Buffer, position: number, byteCount: number): number {
  if (byteCount > input.length - position) {
    throw brokenStream('a zstd frame is cut off');
  }
  return input.readUIntLE(position, byteCount);
}

/** Bytes changed the way hostile or broken ones are: lengths that lie, pieces cut out or doubled, bits turned, numbers at their ends. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Prng } from '../sim/prng.ts';

const FRAMES_DIRECTORY = new URL('../wire/frames/', import.meta.url);
const LENGTH_BYTES = 4;
const INT32_ENDS = [-1, 0, 1, 0x7fffffff, -0x80000000, 100_000];
const INT16_ENDS = [-1, 0, 1, 0x7fff, -0x8000];
const OVERLONG_VARINT = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);

/** Requests that other people's clients have sent, without their length. */
export function capturedRequests(): Buffer[] {
  return readdirSync(FRAMES_DIRECTORY).flatMap((file) =>
    readFileSync(new URL(file, FRAMES_DIRECTORY), 'utf8')
      .trimEnd()
      .split('\n')
      .filter((line) => line.split(' ')[1] === 'request')
      .map((line) => Buffer.from(line.split(' ')[2] ?? '', 'hex')),
  );
}

/** One to three changes at places from `start` on. */
export function mutated(bytes: Buffer, prng: Prng, start = 0): Buffer {
  let changed: Buffer = Buffer.from(bytes);
  for (let times = prng.between(1, 3); times > 0; times -= 1) changed = changedOnce(changed, prng, start);
  return changed;
}

function changedOnce(bytes: Buffer, prng: Prng, start: number): Buffer {
  if (bytes.length <= start) return Buffer.concat([bytes, Buffer.alloc(prng.between(1, 64), prng.between(0, 255))]);
  const at = prng.between(start, bytes.length - 1);
  switch (prng.between(0, 8)) {
    case 0:
      bytes[at] = prng.between(0, 255);
      return bytes;
    case 1:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.between(0, 7));
      return bytes;
    case 2:
      if (at + 4 <= bytes.length) bytes.writeInt32BE(prng.pick(INT32_ENDS), at);
      return bytes;
    case 3:
      if (at + 2 <= bytes.length) bytes.writeInt16BE(prng.pick(INT16_ENDS), at);
      return bytes;
    case 4:
      bytes[at] = ((bytes[at] ?? 0) + prng.pick([-1, 1])) & 0xff;
      return bytes;
    case 5:
      return Buffer.concat([bytes.subarray(0, at), OVERLONG_VARINT, bytes.subarray(at)]);
    case 6:
      return bytes.subarray(0, at);
    case 7:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + prng.between(1, 16))]);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(prng.between(start, at))]);
  }
}

/** The frame with its length before it, which with `prng` is right nine times out of ten. */
export function framed(frame: Buffer, prng?: Prng): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  const isRight = prng === undefined || prng.hits(0.9);
  length.writeInt32BE(isRight ? frame.length : prng.pick([-1, 0, 1, 0x7fffffff, frame.length + 1, 0x16030100]));
  return Buffer.concat([length, frame]);
}

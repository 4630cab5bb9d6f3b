/** Record batches with keys for the tests of compaction, written and read byte by byte by the protocol's description alone. */
import { gunzipSync } from 'node:zlib';
import { assembleBatch, type BatchOptions, reseal, varint } from '../batches.ts';

/** A null key or value is null; else text. */
export type KeyedRecord = readonly [key: string | null, value: string | null];

export function keyedBatch(records: readonly KeyedRecord[], options: BatchOptions = {}): Buffer {
  const deltas = options.timestampDeltas ?? records.map((_, index) => index);
  const written = records.map(([key, value], index) => {
    const body = [Buffer.from([0]), varint(deltas[index] ?? 0), varint(options.offsetDeltas?.[index] ?? index)];
    body.push(sized(key), sized(value), varint(0));
    const bytes = Buffer.concat(body);
    return Buffer.concat([varint(bytes.length), bytes]);
  });
  return assembleBatch(written, deltas, options);
}

/** The marker that ends a transaction. */
export function marker(kind: 'abort' | 'commit', producerId: bigint, options: BatchOptions = {}): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1]).toString('latin1');
  const value = Buffer.from([0, 0, 0, 0, 0, 0]).toString('latin1');
  return keyedBatch([[key, value]], { attributes: 0x30, producerId, sequence: -1, ...options });
}

export interface ReadRecord {
  readonly offset: number;
  readonly timestamp: bigint;
  readonly key: string | null;
  readonly value: string | null;
}

export interface ReadBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly leaderEpoch: number;
  readonly attributes: number;
  readonly baseTimestamp: bigint;
  readonly maxTimestamp: bigint;
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
  readonly records: readonly ReadRecord[];
}

/** Every batch in `bytes`, its CRC checked. */
export function readBatches(bytes: Buffer): ReadBatch[] {
  const found: ReadBatch[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    const whole = Buffer.from(bytes.subarray(at, end));
    const crc = whole.readUInt32BE(17);
    if (reseal(whole).readUInt32BE(17) !== crc) throw new Error(`a wrong CRC at ${at}`);
    found.push(readBatch(whole));
    at = end;
  }
  return found;
}

function readBatch(bytes: Buffer): ReadBatch {
  const attributes = bytes.readInt16BE(21);
  const baseOffset = Number(bytes.readBigInt64BE(0));
  const baseTimestamp = bytes.readBigInt64BE(27);
  const section = (attributes & 7) === 1 ? gunzipSync(bytes.subarray(61)) : bytes.subarray(61);
  const records: ReadRecord[] = [];
  let at = 0;
  const next = (): number => {
    let value = 0;
    let weight = 1;
    for (;;) {
      const byte = section[at++]!;
      value += (byte & 127) * weight;
      weight *= 128;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  };
  const text = (): string | null => {
    const length = next();
    if (length < 0) return null;
    at += length;
    return section.toString('latin1', at - length, at);
  };
  for (let left = bytes.readInt32BE(57); left > 0; left--) {
    next();
    at += 1;
    const timestamp = baseTimestamp + BigInt(next());
    const offset = baseOffset + next();
    const key = text();
    const value = text();
    if (next() !== 0) throw new Error('no test writes headers');
    records.push({ offset, timestamp, key, value });
  }
  if (at !== section.length) throw new Error('bytes behind the last record');
  return {
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(23),
    leaderEpoch: bytes.readInt32BE(12),
    attributes,
    baseTimestamp,
    maxTimestamp: bytes.readBigInt64BE(35),
    producerId: bytes.readBigInt64BE(43),
    epoch: bytes.readInt16BE(51),
    sequence: bytes.readInt32BE(53),
    records,
  };
}

function sized(text: string | null): Buffer {
  if (text === null) return varint(-1);
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([varint(bytes.length), bytes]);
}

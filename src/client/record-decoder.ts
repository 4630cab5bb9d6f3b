/** The path of `consume` with a formatter: each record is shown to a sink through one object that is used again and again. */
import type { RecordCursor } from '../protocol/records/record-walk.ts';
import type { BatchFacts, DecodableBatch } from './decodable-batch.ts';
import type { RecordOutput } from './record-output.ts';
import type { RecordSink, RecordView } from './record-view.ts';

/**
 * Shows records of `batch` from its cursor on, until the batch's end, `limitRecords` of them or the output being full.
 * Answers how many were shown. Throws KafkaError INVALID_RECORD for broken records.
 */
export function decodeRecords(
  batch: DecodableBatch,
  sink: RecordSink,
  output: RecordOutput,
  limitRecords: number,
): number {
  const cursor = batch.cursor();
  const view = new CursorView(batch.facts, cursor);
  let taken = 0;
  while (batch.recordsLeft > 0 && taken < limitRecords && !output.isFull) {
    batch.nextRecord(cursor);
    if (cursor.offsetDelta >= batch.untilDelta) {
      batch.advance(batch.position, 0);
      break;
    }
    if (cursor.offsetDelta < batch.fromDelta) continue;
    sink.record(view);
    output.chunk.recordCount++;
    taken++;
  }
  return taken;
}

/** A record where the cursor stands. */
export class CursorView implements RecordView {
  readonly topic: string;
  readonly partition: number;
  readonly source: Buffer;
  readonly #facts: BatchFacts;
  readonly #cursor: RecordCursor;

  constructor(facts: BatchFacts, cursor: RecordCursor) {
    this.topic = facts.topic;
    this.partition = facts.partition;
    this.source = Buffer.from(cursor.bytes.buffer, cursor.bytes.byteOffset, cursor.bytes.byteLength);
    this.#facts = facts;
    this.#cursor = cursor;
  }

  get offset(): number {
    return this.#facts.baseOffset + this.#cursor.offsetDelta;
  }

  get timestamp(): bigint {
    return this.#facts.logAppendTime ?? this.#facts.baseTimestamp + BigInt(this.#cursor.timestampDelta);
  }

  get timestampType(): 'CreateTime' | 'LogAppendTime' {
    return this.#facts.logAppendTime === undefined ? 'CreateTime' : 'LogAppendTime';
  }

  get keyStart(): number {
    return this.#cursor.keyStart;
  }

  get keyEnd(): number {
    return this.#cursor.keyEnd;
  }

  get valueStart(): number {
    return this.#cursor.valueStart;
  }

  get valueEnd(): number {
    return this.#cursor.valueEnd;
  }

  get headerCount(): number {
    return this.#cursor.headerCount;
  }

  forEachHeader(visit: (keyStart: number, keyEnd: number, valueStart: number, valueEnd: number) => void): void {
    // The cursor has checked the headers' lengths already.
    let at = this.#cursor.headersStart;
    for (let index = 0; index < this.#cursor.headerCount; index++) {
      const keyStart = varintEnd(this.source, at);
      const keyEnd = keyStart + varint(this.source, at);
      const valueLength = varint(this.source, keyEnd);
      const afterLength = varintEnd(this.source, keyEnd);
      const valueStart = valueLength < 0 ? -1 : afterLength;
      const valueEnd = valueLength < 0 ? -1 : afterLength + valueLength;
      visit(keyStart, keyEnd, valueStart, valueEnd);
      at = afterLength + Math.max(0, valueLength);
    }
  }
}

function varintEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while ((bytes[end++] as number) > 0x7f);
  return end;
}

/** Zigzag. */
function varint(bytes: Uint8Array, at: number): number {
  let value = 0;
  let shift = 0;
  for (let index = at; ; index++, shift += 7) {
    const byte = bytes[index] as number;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
  }
}

/** Records for formatters, and what they make of them. */
import type { RecordSink, RecordText, RecordView } from '../../src/client/record-view.ts';

export interface TestRecord {
  readonly key?: Uint8Array | string | null;
  readonly value?: Uint8Array | string | null;
  readonly headers?: readonly (readonly [string, Uint8Array | string | null])[];
  readonly timestampType?: RecordView['timestampType'];
}

/** A view as the decoder would give it: topic `t`, partition 3, offset 42, timestamp 1700000000123. */
export function recordView(record: TestRecord): RecordView {
  const parts: Buffer[] = [Buffer.from('junk before')];
  let length = parts[0]?.length ?? 0;
  const place = (content: Uint8Array | string | null | undefined): [start: number, end: number] => {
    if (content === null || content === undefined) return [-1, -1];
    const bytes = Buffer.from(content);
    parts.push(bytes);
    length += bytes.length;
    return [length - bytes.length, length];
  };
  const [keyStart, keyEnd] = place(record.key);
  const [valueStart, valueEnd] = place(record.value);
  const headers = (record.headers ?? []).map(([name, value]) => [...place(name), ...place(value)] as const);
  return {
    topic: 't',
    partition: 3,
    offset: 42,
    timestamp: 1_700_000_000_123n,
    timestampType: record.timestampType ?? 'CreateTime',
    source: Buffer.concat(parts),
    keyStart,
    keyEnd,
    valueStart,
    valueEnd,
    headerCount: headers.length,
    forEachHeader(visit) {
      for (const header of headers) visit(...header);
    },
  };
}

/** All bytes that the sink puts out for the records. */
export function textOf(sink: (out: RecordText) => RecordSink, ...records: readonly TestRecord[]): Buffer {
  const parts: Buffer[] = [];
  const out: RecordText = {
    bytes: (source, start, end) => void parts.push(Buffer.from(source.subarray(start, end))),
    text: (text) => void parts.push(Buffer.from(text)),
    byte: (value) => void parts.push(Buffer.from([value])),
  };
  const formatter = sink(out);
  for (const record of records) formatter.record(recordView(record));
  return Buffer.concat(parts);
}

/**
 * `consume -f`: kcat's format tokens.
 *
 *     %s value       %S its length in bytes, -1 when null     %R the same as 4 bytes, big endian
 *     %k key         %K its length, -1 when null              %t topic      %p partition
 *     %o offset      %T timestamp in ms                       %h headers, name=value,name=value
 *     %% a percent sign, and the escapes \n \r \t \0 \\ \xHH
 */
import type { RecordSink, RecordText, RecordView } from '../client/record-view.ts';
import { usageError } from './cli-error.ts';
import { parseEscapes } from './escapes.ts';

type Emit = (record: RecordView, out: RecordText) => void;

const COMMA = 44;
const EQUALS = 61;

const TOKENS: Readonly<Record<string, Emit>> = {
  s: (record, out) => emitValue(record, out),
  S: (record, out) => out.text(String(valueLength(record))),
  R: (record, out) => emitInt32(valueLength(record), out),
  k: (record, out) => {
    if (record.keyStart >= 0) out.bytes(record.source, record.keyStart, record.keyEnd);
  },
  K: (record, out) => out.text(String(record.keyStart < 0 ? -1 : record.keyEnd - record.keyStart)),
  t: (record, out) => out.text(record.topic),
  p: (record, out) => out.text(String(record.partition)),
  o: (record, out) => out.text(String(record.offset)),
  T: (record, out) => out.text(String(record.timestamp)),
  h: (record, out) => emitHeaders(record, out),
  '%': (_record, out) => out.byte(37),
};

/** Compiles a format; nothing is added between records. Throws a usage error for an unknown token. */
export function recordFormat(format: string): (out: RecordText) => RecordSink {
  const steps = compile(format);
  return (out) => ({
    record(view) {
      for (const step of steps) step(view, out);
    },
  });
}

function compile(format: string): Emit[] {
  const steps: Emit[] = [];
  for (const [part] of format.matchAll(/%[\s\S]?|[^%]+/g)) {
    if (!part.startsWith('%')) {
      const bytes = parseEscapes(part, '--format');
      steps.push((_record, out) => out.bytes(bytes, 0, bytes.length));
      continue;
    }
    const emit = TOKENS[part.slice(1)];
    if (emit === undefined) {
      throw usageError(`--format: '${part}' is no token; there are %s %S %R %k %K %t %p %o %T %h and %%`);
    }
    steps.push(emit);
  }
  return steps;
}

function valueLength(record: RecordView): number {
  return record.valueStart < 0 ? -1 : record.valueEnd - record.valueStart;
}

function emitValue(record: RecordView, out: RecordText): void {
  if (record.valueStart >= 0) out.bytes(record.source, record.valueStart, record.valueEnd);
}

function emitInt32(value: number, out: RecordText): void {
  for (let shift = 24; shift >= 0; shift -= 8) out.byte((value >> shift) & 0xff);
}

/** A null header value prints as NULL, as kcat does. */
function emitHeaders(record: RecordView, out: RecordText): void {
  let first = true;
  record.forEachHeader((keyStart, keyEnd, valueStart, valueEnd) => {
    if (!first) out.byte(COMMA);
    first = false;
    out.bytes(record.source, keyStart, keyEnd);
    out.byte(EQUALS);
    if (valueStart < 0) out.text('NULL');
    else out.bytes(record.source, valueStart, valueEnd);
  });
}

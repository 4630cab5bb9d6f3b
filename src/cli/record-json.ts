/**
 * `consume -J`: one JSON object a line, with kcat's field names.
 *
 *     {"topic":"t","partition":0,"offset":3,"tstype":"create","ts":1700000000000,"headers":[["name","value"]],
 *      "key":"k","payload":"v"}
 *
 * Bytes that are not UTF-8 would not survive a JSON string: they come base64 as `key_b64` and `payload_b64`, and as
 * {"b64":"..."} in headers. Headers are pairs in order, so that repeated names and null values survive.
 */
import type { RecordSink, RecordText, RecordView } from '../client/record-view.ts';

const NEWLINE = 10;

export function recordJson(out: RecordText): RecordSink {
  // The same topic comes for millions of records; its JSON string is made once.
  let topic: string | undefined;
  let head = '';
  return {
    record(view) {
      if (view.topic !== topic) {
        topic = view.topic;
        head = `{"topic":${JSON.stringify(topic)},"partition":`;
      }
      const type = view.timestampType === 'CreateTime' ? 'create' : 'logappend';
      out.text(
        `${head}${view.partition},"offset":${view.offset},"tstype":"${type}","ts":${view.timestamp}${headersOf(view)}`,
      );
      out.text(`,${field('key', view.source, view.keyStart, view.keyEnd)}`);
      out.text(`,${field('payload', view.source, view.valueStart, view.valueEnd)}}`);
      out.byte(NEWLINE);
    },
  };
}

function headersOf(view: RecordView): string {
  if (view.headerCount === 0) return '';
  const pairs: string[] = [];
  view.forEachHeader((keyStart, keyEnd, valueStart, valueEnd) => {
    const name = JSON.stringify(view.source.toString('utf8', keyStart, keyEnd));
    pairs.push(`[${name},${headerValue(view.source, valueStart, valueEnd)}]`);
  });
  return `,"headers":[${pairs.join(',')}]`;
}

function headerValue(source: Buffer, start: number, end: number): string {
  if (start < 0) return 'null';
  const text = utf8Of(source, start, end);
  return text === undefined ? `{"b64":"${source.toString('base64', start, end)}"}` : JSON.stringify(text);
}

function field(name: string, source: Buffer, start: number, end: number): string {
  if (start < 0) return `"${name}":null`;
  const text = utf8Of(source, start, end);
  return text === undefined
    ? `"${name}_b64":"${source.toString('base64', start, end)}"`
    : `"${name}":${JSON.stringify(text)}`;
}

/** The text of the bytes, or undefined when they are not well-formed UTF-8. */
function utf8Of(source: Buffer, start: number, end: number): string | undefined {
  const text = source.toString('utf8', start, end);
  // A replacement character is either in the input itself (EF BF BD) or stands for broken bytes: encode back to know.
  if (!text.includes('\uFFFD')) return text;
  return Buffer.from(text).equals(source.subarray(start, end)) ? text : undefined;
}

import { forEachTag } from './compile-reader.ts';
import { Cursor } from './wire-cursor.ts';
import type { Writer } from './wire-writer.ts';

export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  /** Null on the wire reads as ''. */
  readonly clientId: string;
}

/** The client id keeps its int16 length in flexible versions too; only a tagged section is added there. */
export function writeRequestHeader(writer: Writer, header: RequestHeader, flexible: boolean): void {
  writer.int16(header.apiKey);
  writer.int16(header.apiVersion);
  writer.int32(header.correlationId);
  writer.text('int16', header.clientId);
  if (flexible) {
    writer.unsignedVarint(0);
  }
}

/** `isFlexible` is asked with the key and version found. Tagged fields are skipped: Kafka defines none. Throws WireError. */
export function readRequestHeader(
  frame: Buffer,
  isFlexible: (apiKey: number, apiVersion: number) => boolean,
): RequestHeader & { readonly bodyOffset: number } {
  const cursor = new Cursor(frame, 0, frame.length);
  const apiKey = cursor.int16();
  const apiVersion = cursor.int16();
  const correlationId = cursor.int32();
  const clientIdBytes = cursor.length('int16');
  const clientId = clientIdBytes === -1 ? '' : cursor.text(clientIdBytes);
  if (isFlexible(apiKey, apiVersion)) {
    forEachTag(cursor, () => false);
  }
  return { apiKey, apiVersion, correlationId, clientId, bodyOffset: cursor.position };
}

export function writeResponseHeader(writer: Writer, correlationId: number, tagged: boolean): void {
  writer.int32(correlationId);
  if (tagged) {
    writer.unsignedVarint(0);
  }
}

/** Answers the correlation id. Throws WireError. */
export function readResponseHeader(cursor: Cursor, tagged: boolean): number {
  const correlationId = cursor.int32();
  if (tagged) {
    forEachTag(cursor, () => false);
  }
  return correlationId;
}

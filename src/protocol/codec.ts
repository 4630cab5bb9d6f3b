/**
 * Messages to frames and back. A frame is an int32 length (big endian, without itself), a header and a body:
 *
 *     request   int16 key | int16 version | int32 correlation | int16 length + client id | [tags, flexible versions]
 *     response  int32 correlation | [tags, flexible versions, but never for ApiVersions]
 *
 * The closures that read and write a body are compiled once per API, version and direction, on first use.
 * Source: Kafka's RequestHeader.json, ResponseHeader.json, ApiMessageTypeGenerator.java.
 */
import { API_BY_KEY } from './apis/index.ts';
import { compileReader, type Reader } from './compile-reader.ts';
import { compileWriter, type ValueWriter } from './compile-writer.ts';
import { KafkaError } from './errors.ts';
import {
  type RequestHeader,
  readRequestHeader,
  readResponseHeader,
  writeRequestHeader,
  writeResponseHeader,
} from './header.ts';
import type { AnyApi, RequestInput, RequestOf, ResponseInput, ResponseOf } from './schema.ts';
import { Cursor } from './wire-cursor.ts';
import { WireError } from './wire-error.ts';
import { Writer } from './wire-writer.ts';

/**
 * More elements than a request of any use has, in all its arrays: each takes a few bytes on the wire and a few hundred as an
 * object, so one request of 100 MiB could otherwise fill the memory of the process (B-2).
 */
const REQUEST_ELEMENTS_MAX = 200_000;

/**
 * The whole frame, its length first, as pieces for one vectored write; record slices are handed on, not copied. Throws
 * KafkaError UNSUPPORTED_VERSION (the version, or a value that it cannot carry), TypeError (a missing field), RangeError.
 */
export function encodeRequest<A extends AnyApi>(
  api: A,
  version: number,
  header: { readonly correlationId: number; readonly clientId: string },
  message: RequestInput<A>,
): Uint8Array[] {
  const write = requestCodec(api, version).write;
  writer.start();
  writeRequestHeader(writer, { apiKey: api.key, apiVersion: version, ...header }, version >= api.flexibleSince);
  write(writer, message);
  return writer.finish();
}

/** As `encodeRequest`. */
export function encodeResponse<A extends AnyApi>(
  api: A,
  version: number,
  correlationId: number,
  message: ResponseInput<A>,
): Uint8Array[] {
  const write = responseCodec(api, version).write;
  writer.start();
  writeResponseHeader(writer, correlationId, hasTaggedResponseHeader(api, version));
  write(writer, message);
  return writer.finish();
}

/**
 * The header of a request whose key or version may be unknown to us. `frame` starts after the length. Of an unknown key only
 * the fields up to the client id are read, and `bodyOffset` stands behind them. Throws WireError.
 */
export function parseRequestHeader(frame: Buffer): RequestHeader & { readonly bodyOffset: number } {
  return readRequestHeader(frame, (key, version) => version >= (API_BY_KEY.get(key)?.flexibleSince ?? Infinity));
}

/**
 * The body from `bodyOffset` to the end of `frame`. Throws WireError, also for a body of more than 200,000 array elements, and
 * KafkaError UNSUPPORTED_VERSION.
 */
export function decodeRequest<A extends AnyApi>(
  api: A,
  version: number,
  frame: Buffer,
  bodyOffset: number,
): RequestOf<A> {
  const cursor = new Cursor(frame, bodyOffset, frame.length, REQUEST_ELEMENTS_MAX);
  return readBody(requestCodec(api, version).read, cursor) as RequestOf<A>;
}

/** `frame` starts after the length. Throws WireError, and KafkaError UNSUPPORTED_VERSION. */
export function decodeResponse<A extends AnyApi>(
  api: A,
  version: number,
  frame: Buffer,
): { correlationId: number; message: ResponseOf<A> } {
  const read = responseCodec(api, version).read;
  const cursor = new Cursor(frame, 0, frame.length);
  const correlationId = readResponseHeader(cursor, hasTaggedResponseHeader(api, version));
  return { correlationId, message: readBody(read, cursor) as ResponseOf<A> };
}

/** Reads and writes the bodies of one API's requests or responses in one version; each half is compiled on first use. */
interface Codec {
  readonly read: Reader;
  readonly write: ValueWriter;
}

/** One frame is written at a time and encoding never waits, so one writer serves all. */
const writer = new Writer();

const requestCodecs = new WeakMap<AnyApi, Codec[]>();
const responseCodecs = new WeakMap<AnyApi, Codec[]>();

function requestCodec(api: AnyApi, version: number): Codec {
  return requestCodecs.get(api)?.[version] ?? makeCodec(requestCodecs, api, 'request', version);
}

function responseCodec(api: AnyApi, version: number): Codec {
  return responseCodecs.get(api)?.[version] ?? makeCodec(responseCodecs, api, 'response', version);
}

function makeCodec(
  codecs: WeakMap<AnyApi, Codec[]>,
  api: AnyApi,
  direction: 'request' | 'response',
  version: number,
): Codec {
  if (!(version >= api.versions.min && version <= api.versions.max)) {
    throw new KafkaError('UNSUPPORTED_VERSION', `${api.name} version ${version} is not spoken here`);
  }
  const flexible = version >= api.flexibleSince;
  let read: Reader | undefined;
  let write: ValueWriter | undefined;
  const codec: Codec = {
    get read() {
      read ??= compileReader(api[direction], version, flexible);
      return read;
    },
    get write() {
      write ??= compileWriter(api[direction], version, flexible);
      return write;
    },
  };
  const byVersion = codecs.get(api) ?? [];
  byVersion[version] = codec;
  codecs.set(api, byVersion);
  return codec;
}

function readBody(read: Reader, cursor: Cursor): unknown {
  const message = read(cursor);
  if (cursor.position !== cursor.end) {
    throw new WireError(`${cursor.end - cursor.position} bytes after the body`);
  }
  return message;
}

const API_VERSIONS_KEY = 18;

function hasTaggedResponseHeader(api: AnyApi, version: number): boolean {
  return api.key !== API_VERSIONS_KEY && version >= api.flexibleSince;
}

/**
 * Messages that say which form they have, as Kafka keeps them in the records of its internal topics and as members of a group
 * hand them to each other:
 *
 *     int16 prefix | body          big endian; the prefix is the body's version, or in a record's key the record's type
 *
 * Source: Kafka's MessageUtil.java (toVersionPrefixedBytes), CoordinatorRecordSerde.java.
 */
import { compileReader, type Reader } from '../compile-reader.ts';
import { compileWriter, type ValueWriter } from '../compile-writer.ts';
import { type Decoded, type Fields, type Input, type StructType, struct } from '../schema.ts';
import { Cursor } from '../wire-cursor.ts';
import { Writer } from '../wire-writer.ts';

/** A message of this kind with the closures that read and write its versions, each compiled on first use. */
export interface VersionedMessage<D, I> {
  readonly type: StructType<D, I>;
  /** Versions 0 to this one (inclusive) can be read and written. */
  readonly versionMax: number;
  /** First version with compact lengths and tagged fields; Infinity = never. */
  readonly flexibleSince: number;
  readonly readers: Reader[];
  readonly writers: ValueWriter[];
}

export function versionedMessage<F extends Fields>(
  fields: F,
  versions: { readonly max: number; readonly flexible?: number },
): VersionedMessage<Decoded<F>, Input<F>> {
  return {
    type: struct(fields),
    versionMax: versions.max,
    flexibleSince: versions.flexible ?? Infinity,
    readers: [],
    writers: [],
  };
}

/**
 * The bytes of `value`, a copy of what it holds. Throws KafkaError UNSUPPORTED_VERSION for a value that the version cannot
 * carry, TypeError for a missing field, RangeError for a number, a length or a version that does not fit.
 */
export function encodeVersioned<D, I>(
  message: VersionedMessage<D, I>,
  version: number,
  value: I,
  prefix = version,
): Buffer {
  const write = writerOf(message, version);
  writer ??= new Writer();
  writer.start();
  writer.int16(prefix);
  write(writer, value);
  const [frame = NO_BYTES] = writer.finish();
  return Buffer.from(frame.buffer, frame.byteOffset + FRAME_LENGTH_BYTES, frame.length - FRAME_LENGTH_BYTES);
}

/** The prefix of `bytes`, or undefined when not even that is whole. */
export function prefixOf(bytes: Buffer): number | undefined {
  return bytes.length < PREFIX_BYTES ? undefined : bytes.readInt16BE(0);
}

/**
 * What stands behind the prefix of `bytes`, read as `version`. Bytes after the body are passed over, as Kafka does. Fields of
 * type bytes are slices of `bytes`. Throws WireError, also for arrays of more than `elementsMax` elements together, and
 * RangeError for a version that there is not.
 */
export function decodeVersioned<D, I>(
  message: VersionedMessage<D, I>,
  version: number,
  bytes: Buffer,
  elementsMax?: number,
): D {
  const read = readerOf(message, version);
  return read(new Cursor(bytes, PREFIX_BYTES, bytes.length, elementsMax)) as D;
}

const PREFIX_BYTES = 2;
/** A writer leaves room for the length of a frame, and only record batches would make it answer more than one piece. */
const FRAME_LENGTH_BYTES = 4;
const NO_BYTES = new Uint8Array(FRAME_LENGTH_BYTES);

/** One message is written at a time and encoding never waits, so one writer serves all. */
let writer: Writer | undefined;

function readerOf<D, I>(message: VersionedMessage<D, I>, version: number): Reader {
  const known = message.readers[version];
  if (known !== undefined) {
    return known;
  }
  checkVersion(message, version);
  const reader = compileReader(message.type, version, version >= message.flexibleSince);
  message.readers[version] = reader;
  return reader;
}

function writerOf<D, I>(message: VersionedMessage<D, I>, version: number): ValueWriter {
  const known = message.writers[version];
  if (known !== undefined) {
    return known;
  }
  checkVersion(message, version);
  const writeValue = compileWriter(message.type, version, version >= message.flexibleSince);
  message.writers[version] = writeValue;
  return writeValue;
}

function checkVersion<D, I>(message: VersionedMessage<D, I>, version: number): void {
  if (!(version >= 0 && version <= message.versionMax)) {
    throw new RangeError(`version ${version} of a message of versions 0 to ${message.versionMax}`);
  }
}

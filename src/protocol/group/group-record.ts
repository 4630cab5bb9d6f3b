/**
 * The records in which a group coordinator keeps its state in `__consumer_offsets`, to bytes and back; laid out in
 * `group-record-schemas.ts`. Source: Kafka's GroupCoordinatorRecordSerde.java, GroupCoordinatorRecordHelpers.java.
 */
import { WireError } from '../wire-error.ts';
import { GROUP_RECORDS, type GroupRecordSchema } from './group-record-schemas.ts';
import { decodeVersioned, encodeVersioned, prefixOf } from './versioned-message.ts';

export type GroupRecordKind = keyof typeof GROUP_RECORDS;

/** A record of one kind: the fields of its key, and its value; null = a tombstone. */
export type GroupRecordOf<K extends GroupRecordKind> = {
  [Kind in K]: { readonly kind: Kind; readonly value: ValueOf<Kind> | null } & KeyOf<Kind>;
}[K];

export type GroupRecord = GroupRecordOf<GroupRecordKind>;

/** Bytes in `__consumer_offsets` that are no record of it, or one of a version that came after us. */
export class GroupRecordError extends Error {
  override readonly name = 'GroupRecordError';
}

/**
 * As Kafka 4.x writes it: offset commits in version 4 (in 1 with an expiry time of their own), metadata of classic groups in 3.
 * Throws TypeError or RangeError for values that have no place in the record.
 */
export function encodeGroupRecord(record: GroupRecord): { readonly key: Buffer; readonly value: Buffer | null } {
  const schema: AnySchema = GROUP_RECORDS[record.kind];
  return {
    key: encodeVersioned(schema.key, 0, record, schema.type),
    value: record.value === null ? null : encodeVersioned(schema.value, versionToWrite(record), record.value),
  };
}

/**
 * undefined for a type that is not known here: Kafka too passes over those when it loads. What is answered shares no memory with `key`
 * and `value`. Throws GroupRecordError for bytes that are no record, and for a value of a later version.
 */
export function decodeGroupRecord(key: Buffer | null, value: Buffer | null): GroupRecord | undefined {
  const type = key === null ? undefined : prefixOf(key);
  if (key === null || type === undefined) {
    throw new GroupRecordError('a record without a type');
  }
  const kind = kindByType().get(type);
  if (kind === undefined) {
    return undefined;
  }
  const schema: AnySchema = GROUP_RECORDS[kind];
  const fields = decodePart(schema.key, 0, key, `key of type ${type}`);
  return { kind, ...fields, value: value === null ? null : decodeValue(schema, value) } as GroupRecord;
}

type KeyOf<K extends GroupRecordKind> =
  (typeof GROUP_RECORDS)[K] extends GroupRecordSchema<infer Key, unknown, unknown, unknown> ? Key : never;
type ValueOf<K extends GroupRecordKind> =
  (typeof GROUP_RECORDS)[K] extends GroupRecordSchema<unknown, unknown, infer Value, unknown> ? Value : never;

type AnySchema = GroupRecordSchema<object, unknown, object, unknown>;

function versionToWrite(record: GroupRecord): number {
  const expires = record.kind === 'offset-commit' && record.value !== null && record.value.expireTimestamp !== -1n;
  return expires ? VERSION_WITH_EXPIRY : GROUP_RECORDS[record.kind].versionWritten;
}

const VERSION_WITH_EXPIRY = 1;

function decodeValue(schema: AnySchema, value: Buffer): object {
  const version = prefixOf(value);
  if (version === undefined || version < 0 || version > schema.value.versionMax) {
    throw new GroupRecordError(`a value of version ${version ?? 'none'} under a key of type ${schema.type}`);
  }
  const source = schema.holdsBytes ? copyOf(value) : value;
  return decodePart(schema.value, version, source, `value of version ${version} under a key of type ${schema.type}`);
}

/** What members gave outlives the read that brought it, whose memory is used again, and is not to keep a pool's alive. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

function decodePart(message: AnySchema['value'], version: number, bytes: Buffer, what: string): object {
  try {
    return decodeVersioned(message, version, bytes);
  } catch (error) {
    if (error instanceof WireError) {
      throw new GroupRecordError(`a broken ${what}`, { cause: error });
    }
    throw error;
  }
}

/** Type 0 is what type 1 was before it had a version of its own. */
const LEGACY_OFFSET_COMMIT_TYPE = 0;

function kindByType(): ReadonlyMap<number, GroupRecordKind> {
  kinds ??= new Map([
    [LEGACY_OFFSET_COMMIT_TYPE, 'offset-commit'],
    ...(Object.keys(GROUP_RECORDS) as GroupRecordKind[]).map((kind) => [GROUP_RECORDS[kind].type, kind] as const),
  ]);
  return kinds;
}

let kinds: Map<number, GroupRecordKind> | undefined;

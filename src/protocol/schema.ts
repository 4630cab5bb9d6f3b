/**
 * The little language in which Kafka's messages are written down (DESIGN D9), and the types that follow from it.
 *
 * A message is a record of named fields in wire order. A field is a type (present in every version that we serve), or a
 * type wrapped by `since`, `tagged` or `defaulted`, which carry a default: what a reader sees where the version lacks the
 * field, and what a writer may leave out. Facts come from Kafka's message JSON files, names in camelCase.
 *
 * Nothing here reads or writes bytes: `compile-reader.ts` and `compile-writer.ts` turn a schema and a version into closures.
 */

export type PrimitiveKind =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint16'
  | 'float64'
  | 'boolean'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records';

declare const decoded: unique symbol;
declare const input: unique symbol;

/** Never present at run time: carries what a decoded value and a value to encode look like. */
interface Shape<Decoded, Input> {
  readonly [decoded]?: Decoded;
  readonly [input]?: Input;
}

/** `nullableSince`: the first version that may carry null; undefined = never. */
interface Nullability {
  readonly nullableSince?: number;
}

export interface PrimitiveType<D, I> extends Shape<D, I>, Nullability {
  readonly kind: PrimitiveKind;
}
export interface ArrayType<D, I> extends Shape<D, I>, Nullability {
  readonly kind: 'array';
  readonly element: AnyType;
}
export interface StructType<D, I> extends Shape<D, I>, Nullability {
  readonly kind: 'struct';
  readonly fields: Fields;
}
export type Type<D, I = D> = PrimitiveType<D, I> | ArrayType<D, I> | StructType<D, I>;
export type AnyType = Type<unknown>;

/** A field that some version lacks, or that its writer may leave out. Versions are inclusive. */
export interface Field<D, I = D> extends Shape<D, I> {
  readonly kind: 'field';
  readonly type: AnyType;
  readonly since: number;
  readonly until: number;
  readonly default: D;
  /** Set for a field of the tagged section. */
  readonly tag?: number;
  /** A value other than the default is dropped silently where the version cannot carry it; without this it is an error. */
  readonly ignorable: boolean;
}
export type AnyField = Field<unknown>;
export type Fields = { readonly [name: string]: AnyType | AnyField };

type DecodedShape<T> = T extends Shape<infer D, unknown> ? D : never;
type InputShape<T> = T extends Shape<unknown, infer I> ? I : never;
type OptionalNames<F extends Fields> = { [N in keyof F]: F[N] extends { kind: 'field' } ? N : never }[keyof F];

/** A decoded struct: every field is there. */
export type Decoded<F extends Fields> = { readonly [N in keyof F]: DecodedShape<F[N]> };
/** A struct to encode: fields with a default may be left out. */
export type Input<F extends Fields> = { readonly [N in Exclude<keyof F, OptionalNames<F>>]: InputShape<F[N]> } & {
  readonly [N in OptionalNames<F>]?: InputShape<F[N]> | undefined;
};

/** The text form of the zero topic id: "no id". */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA';

export const int8: Type<number> = { kind: 'int8' };
export const int16: Type<number> = { kind: 'int16' };
export const int32: Type<number> = { kind: 'int32' };
export const int64: Type<bigint> = { kind: 'int64' };
export const uint16: Type<number> = { kind: 'uint16' };
export const float64: Type<number> = { kind: 'float64' };
export const boolean: Type<boolean> = { kind: 'boolean' };
/** 22 characters of url-safe base64 without padding, as Kafka prints topic ids. */
export const uuid: Type<string> = { kind: 'uuid' };
export const string: Type<string> = { kind: 'string' };
export const bytes: Type<Buffer, Uint8Array> = { kind: 'bytes' };
/** Record batches. Decoded: one slice of the frame, or none. To encode: slices written one after the other, not copied. */
export const records: Type<readonly Buffer[], readonly Uint8Array[]> = { kind: 'records' };

export function struct<F extends Fields>(fields: F): StructType<Decoded<F>, Input<F>> {
  return { kind: 'struct', fields };
}

/** An array of a type, or of structs when fields are given. */
export function array<F extends Fields>(fields: F): ArrayType<readonly Decoded<F>[], readonly Input<F>[]>;
export function array<D, I>(element: Type<D, I>): ArrayType<readonly D[], readonly I[]>;
export function array(of: Fields | AnyType): AnyType {
  return { kind: 'array', element: isType(of) ? of : struct(of) };
}

/** `since`: the first version in which null is allowed. */
export function nullable<D, I>(type: Type<D, I>, since = 0): Type<D | null, I | null> {
  return { ...type, nullableSince: since };
}

/**
 * A field that exists in some versions only. `versions` is a first version, or an inclusive range like '3-12'.
 * An array or string without a meaningful default takes the empty one, as in Kafka.
 */
export function since<D, I>(versions: number | string, type: Type<D, I>, defaultValue: NoInfer<D>): Field<D, I> {
  const { min, max } = parseVersions(versions);
  return { kind: 'field', type, since: min, until: max, default: defaultValue, ignorable: false };
}

/** A field of the tagged section of its struct, in versions from `since` on; left out on the wire when it has its default. */
export function tagged<D, I>(tag: number, since: number, type: Type<D, I>, defaultValue: NoInfer<D>): Field<D, I> {
  return { kind: 'field', type, since, until: Infinity, default: defaultValue, tag, ignorable: false };
}

/** A field of every version that its writer may leave out. */
export function defaulted<D, I>(type: Type<D, I>, defaultValue: NoInfer<D>): Field<D, I> {
  return since(0, type, defaultValue);
}

/** Lets old versions drop the field's value silently. */
export function ignorable<D, I>(field: Field<D, I>): Field<D, I> {
  return { ...field, ignorable: true };
}

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** One Kafka API: its key, the versions that we read and write, and both messages. */
export interface Api<Q extends Fields, S extends Fields> {
  readonly key: number;
  readonly name: string;
  /** Versions whose bodies can be read and written (inclusive). */
  readonly versions: VersionRange;
  /** What ApiVersions says, where it differs from `versions` (Produce: contract section 1). */
  readonly advertised: VersionRange;
  /** First version with compact lengths and tagged fields; Infinity = never. Decides the header's version too. */
  readonly flexibleSince: number;
  readonly request: StructType<Decoded<Q>, Input<Q>>;
  readonly response: StructType<Decoded<S>, Input<S>>;
}

/** Any API, where its message types do not matter. */
export interface AnyApi {
  readonly key: number;
  readonly name: string;
  readonly versions: VersionRange;
  readonly advertised: VersionRange;
  readonly flexibleSince: number;
  readonly request: StructType<unknown, unknown>;
  readonly response: StructType<unknown, unknown>;
}

export type RequestOf<A extends AnyApi> = DecodedShape<A['request']>;
export type ResponseOf<A extends AnyApi> = DecodedShape<A['response']>;
export type RequestInput<A extends AnyApi> = InputShape<A['request']>;
export type ResponseInput<A extends AnyApi> = InputShape<A['response']>;

export interface ApiOptions {
  readonly versions: string;
  readonly advertised?: string;
  readonly flexible?: number;
}

export function api<Q extends Fields, S extends Fields>(
  key: number,
  name: string,
  options: ApiOptions,
  messages: { readonly request: Q; readonly response: S },
): Api<Q, S> {
  const versions = parseVersions(options.versions);
  return {
    key,
    name,
    versions,
    advertised: options.advertised === undefined ? versions : parseVersions(options.advertised),
    flexibleSince: options.flexible ?? Infinity,
    request: struct(messages.request),
    response: struct(messages.response),
  };
}

/** Every key of `kind` on a message's own fields is an object, so a text there says that this is a type. */
function isType(of: Fields | AnyType): of is AnyType {
  return typeof of.kind === 'string';
}

/** '3-12' is inclusive, '3' is that version alone, the number 3 is "from 3 on". */
function parseVersions(versions: number | string): VersionRange {
  if (typeof versions === 'number') {
    return { min: versions, max: Infinity };
  }
  const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(versions) ?? [];
  const [min, max] = [Number(from), Number(to)];
  if (!(min <= max)) {
    throw new RangeError(`not a version range: ${versions}`);
  }
  return { min, max };
}

import type { AnyField, AnyType, Fields } from './schema.ts';

/** One field of a struct, wrapped or not, with what both compilers ask about it. */
export interface FieldLayout {
  readonly name: string;
  readonly type: AnyType;
  /** undefined when the field is in every version and its writer must give it. */
  readonly wrapper: AnyField | undefined;
}

/** A struct's fields as one version has them. */
export interface StructLayout {
  /** In wire order. */
  readonly inline: readonly FieldLayout[];
  /** In ascending order of tags. */
  readonly tagged: readonly (FieldLayout & { readonly wrapper: AnyField; readonly tag: number })[];
  /** Fields that this version cannot carry. */
  readonly absent: readonly (FieldLayout & { readonly wrapper: AnyField })[];
}

export function layOut(fields: Fields, version: number): StructLayout {
  const inline: FieldLayout[] = [];
  const tagged: (FieldLayout & { wrapper: AnyField; tag: number })[] = [];
  const absent: (FieldLayout & { wrapper: AnyField })[] = [];
  for (const [name, field] of Object.entries(fields)) {
    if (field.kind !== 'field') {
      inline.push({ name, type: field, wrapper: undefined });
    } else if (version < field.since || version > field.until) {
      absent.push({ name, type: field.type, wrapper: field });
    } else if (field.tag !== undefined) {
      tagged.push({ name, type: field.type, wrapper: field, tag: field.tag });
    } else {
      inline.push({ name, type: field.type, wrapper: field });
    }
  }
  tagged.sort((left, right) => left.tag - right.tag);
  return { inline, tagged, absent };
}

/** The width of the length before a string, and before bytes, records and arrays. */
export function lengthWidth(kind: 'string' | 'bytes' | 'records' | 'array', flexible: boolean) {
  return flexible ? 'compact' : kind === 'string' ? 'int16' : 'int32';
}

export function allowsNull(type: AnyType, version: number): boolean {
  return type.nullableSince !== undefined && version >= type.nullableSince;
}

/** The fewest bytes that a value of `type` can take: bounds how many elements an array can have. */
export function minimalBytes(type: AnyType, version: number, flexible: boolean): number {
  switch (type.kind) {
    case 'int8':
    case 'boolean':
      return 1;
    case 'int16':
    case 'uint16':
      return 2;
    case 'int32':
      return 4;
    case 'int64':
    case 'float64':
      return 8;
    case 'uuid':
      return 16;
    case 'struct':
      return allowsNull(type, version) ? 1 : minimalStructBytes(type.fields, version, flexible);
    case 'string':
      return flexible ? 1 : 2;
    case 'bytes':
    case 'records':
    case 'array':
      return flexible ? 1 : 4;
  }
}

function minimalStructBytes(fields: Fields, version: number, flexible: boolean): number {
  const { inline } = layOut(fields, version);
  return inline.reduce((sum, field) => sum + minimalBytes(field.type, version, flexible), flexible ? 1 : 0);
}

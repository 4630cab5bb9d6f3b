import { KafkaError } from './errors.ts';
import { allowsNull, type FieldLayout, layOut, lengthWidth, type StructLayout } from './field-layout.ts';
import type { AnyField, AnyType, Fields } from './schema.ts';
import type { Writer } from './wire-writer.ts';

/**
 * Writes one value. Throws TypeError when a field without a default is missing, KafkaError UNSUPPORTED_VERSION when the
 * version cannot carry the value, RangeError when a number or length does not fit its field.
 */
export type ValueWriter = (writer: Writer, value: unknown) => void;

/** The writer of `type` as `version` has it. `flexible`: compact lengths and tagged sections. */
export function compileWriter(type: AnyType, version: number, flexible: boolean): ValueWriter {
  const write = compileNonNull(type, version, flexible);
  const nullAllowed = allowsNull(type, version);
  const writeNull = nullWriter(type, flexible);
  return (writer, value) => {
    if (value !== null && value !== undefined) {
      write(writer, value);
    } else if (value === null && nullAllowed) {
      writeNull(writer);
    } else {
      throw new TypeError(`${value} for a value of type ${type.kind}`);
    }
  };
}

function compileNonNull(type: AnyType, version: number, flexible: boolean): ValueWriter {
  switch (type.kind) {
    case 'int8':
      return (writer, value) => writer.int8(value as number);
    case 'int16':
      return (writer, value) => writer.int16(value as number);
    case 'uint16':
      return (writer, value) => writer.uint16(value as number);
    case 'int32':
      return (writer, value) => writer.int32(value as number);
    case 'int64':
      return (writer, value) => writer.int64(value as bigint);
    case 'float64':
      return (writer, value) => writer.float64(value as number);
    case 'boolean':
      return (writer, value) => writer.int8(value ? 1 : 0);
    case 'uuid':
      return (writer, value) => writer.uuid(value as string);
    case 'string': {
      const width = flexible ? 'compact' : 'int16';
      return (writer, value) => writer.text(width, value as string);
    }
    case 'bytes':
      return (writer, value) => {
        writer.length(lengthWidth('bytes', flexible), (value as Uint8Array).length);
        writer.bytes(value as Uint8Array);
      };
    case 'records':
      return recordsWriter(flexible);
    case 'array':
      return arrayWriter(type.element, version, flexible);
    case 'struct':
      return structWriter(type.fields, version, flexible, allowsNull(type, version));
  }
}

function nullWriter(type: AnyType, flexible: boolean): (writer: Writer) => void {
  switch (type.kind) {
    case 'string':
    case 'bytes':
    case 'records':
    case 'array': {
      const width = lengthWidth(type.kind, flexible);
      return (writer) => writer.length(width, -1);
    }
    default:
      return (writer) => writer.int8(-1);
  }
}

function recordsWriter(flexible: boolean): ValueWriter {
  const width = lengthWidth('records', flexible);
  return (writer, value) => {
    const slices = value as readonly Uint8Array[];
    let byteCount = 0;
    for (const slice of slices) {
      byteCount += slice.length;
    }
    writer.length(width, byteCount);
    if (byteCount > 0) {
      writer.slices(slices, byteCount);
    }
  };
}

function arrayWriter(element: AnyType, version: number, flexible: boolean): ValueWriter {
  const write = compileWriter(element, version, flexible);
  const width = lengthWidth('array', flexible);
  return (writer, value) => {
    const elements = value as readonly unknown[];
    writer.length(width, elements.length);
    for (let index = 0; index < elements.length; index++) {
      write(writer, elements[index]);
    }
  };
}

type Message = Readonly<Record<string, unknown>>;

function structWriter(fields: Fields, version: number, flexible: boolean, nullable: boolean): ValueWriter {
  const layout = layOut(fields, version);
  const steps = layout.inline.map((field) => fieldWriter(field, version, flexible));
  const required = layout.absent.filter((field) => !field.wrapper.ignorable);
  const writeTags = flexible ? tagWriter(layout, version) : undefined;
  return (writer, value) => {
    const message = value as Message;
    if (nullable) {
      writer.int8(1);
    }
    for (let index = 0; index < required.length; index++) {
      refuseValue(required[index] as (typeof required)[number], message, version);
    }
    for (let index = 0; index < steps.length; index++) {
      (steps[index] as FieldWriter)(writer, message);
    }
    writeTags?.(writer, message);
  };
}

type FieldWriter = (writer: Writer, message: Message) => void;

function fieldWriter({ name, type, wrapper }: FieldLayout, version: number, flexible: boolean): FieldWriter {
  const write = compileWriter(type, version, flexible);
  if (wrapper === undefined) {
    return (writer, message) => {
      const value = message[name];
      if (value === undefined) {
        throw new TypeError(`${name} is missing`);
      }
      write(writer, value);
    };
  }
  return (writer, message) => {
    const value = message[name];
    write(writer, value === undefined ? wrapper.default : value);
  };
}

/** What a version cannot carry must not be lost without a word, unless Kafka calls the field ignorable. */
function refuseValue(field: { name: string; wrapper: AnyField }, message: Message, version: number): void {
  if (!isDefault(message[field.name], field.wrapper.default)) {
    throw new KafkaError('UNSUPPORTED_VERSION', `version ${version} cannot carry ${field.name}`);
  }
}

function tagWriter(layout: StructLayout, version: number): FieldWriter {
  const fields = layout.tagged.map((field) => ({ ...field, write: compileWriter(field.type, version, true) }));
  return (writer, message) => {
    let count = 0;
    for (const field of fields) {
      count += isDefault(message[field.name], field.wrapper.default) ? 0 : 1;
    }
    writer.unsignedVarint(count);
    if (count === 0) {
      return;
    }
    for (const field of fields) {
      const value = message[field.name];
      if (!isDefault(value, field.wrapper.default)) {
        writer.unsignedVarint(field.tag);
        const start = writer.position;
        field.write(writer, value);
        writer.prefixWithSize(start);
      }
    }
  };
}

/** Equality with a field's default: a value left out, a primitive, an empty array, or a struct of such (its fields may be left out). */
function isDefault(value: unknown, defaultValue: unknown): boolean {
  if (value === undefined || value === defaultValue) {
    return true;
  }
  if (Array.isArray(value) || value instanceof Uint8Array) {
    return Array.isArray(defaultValue) || defaultValue instanceof Uint8Array
      ? value.length === 0 && defaultValue.length === 0
      : false;
  }
  if (typeof value !== 'object' || value === null || typeof defaultValue !== 'object' || defaultValue === null) {
    return false;
  }
  return Object.entries(defaultValue).every(([name, part]) => isDefault((value as Message)[name], part));
}

import { allowsNull, layOut, lengthWidth, minimalBytes, type StructLayout } from './field-layout.ts';
import type { AnyType, Fields } from './schema.ts';
import type { Cursor } from './wire-cursor.ts';
import { WireError } from './wire-error.ts';

/** Reads one value at the cursor. Throws WireError where the bytes are none. */
export type Reader = (cursor: Cursor) => unknown;

/** The reader of `type` as `version` writes it. `flexible`: compact lengths and tagged sections. */
export function compileReader(type: AnyType, version: number, flexible: boolean): Reader {
  switch (type.kind) {
    case 'int8':
      return (cursor) => cursor.int8();
    case 'int16':
      return (cursor) => cursor.int16();
    case 'uint16':
      return (cursor) => cursor.uint16();
    case 'int32':
      return (cursor) => cursor.int32();
    case 'int64':
      return (cursor) => cursor.int64();
    case 'float64':
      return (cursor) => cursor.float64();
    case 'boolean':
      return (cursor) => cursor.int8() !== 0;
    case 'uuid':
      return (cursor) => cursor.uuid();
    case 'struct':
      return structReader(type.fields, version, flexible, allowsNull(type, version));
    default:
      return lengthReader(type, version, flexible);
  }
}

/** Values that begin with their length, where -1 means null. */
function lengthReader(type: AnyType, version: number, flexible: boolean): Reader {
  const content = contentReader(type, version, flexible);
  const width = lengthWidth(type.kind as 'string' | 'bytes' | 'records' | 'array', flexible);
  const nullAllowed = allowsNull(type, version);
  return (cursor) => {
    const length = cursor.length(width);
    if (length >= 0) {
      return content(cursor, length);
    }
    if (!nullAllowed) {
      throw new WireError(`null where a value must be, before ${cursor.position}`);
    }
    return null;
  };
}

function contentReader(type: AnyType, version: number, flexible: boolean): (cursor: Cursor, length: number) => unknown {
  switch (type.kind) {
    case 'string':
      return (cursor, length) => cursor.text(length);
    case 'bytes':
      return (cursor, length) => cursor.slice(length);
    case 'records':
      return (cursor, length) => (length === 0 ? [] : [cursor.slice(length)]);
    case 'array':
      return arrayReader(type.element, version, flexible);
    default:
      throw new TypeError(`${type.kind} has no length before it`);
  }
}

function arrayReader(element: AnyType, version: number, flexible: boolean) {
  const read = compileReader(element, version, flexible);
  const elementBytesMin = Math.max(1, minimalBytes(element, version, flexible));
  return (cursor: Cursor, length: number): unknown[] => {
    if (length > (cursor.end - cursor.position) / elementBytesMin) {
      throw new WireError(`an array of ${length} at ${cursor.position}, ${cursor.end - cursor.position} bytes left`);
    }
    cursor.claimElements(length);
    const elements = new Array<unknown>(length);
    for (let index = 0; index < length; index++) {
      elements[index] = read(cursor);
    }
    return elements;
  };
}

type Message = Record<string, unknown>;

function structReader(fields: Fields, version: number, flexible: boolean, nullAllowed: boolean): Reader {
  const layout = layOut(fields, version);
  const names = layout.inline.map((field) => field.name);
  const readers = layout.inline.map((field) => compileReader(field.type, version, flexible));
  const blank = blankMessage(fields, layout);
  const readTags = flexible ? tagReader(layout, version) : undefined;
  const readStruct = (cursor: Cursor): Message => {
    const message = { ...blank };
    for (let index = 0; index < names.length; index++) {
      message[names[index] as string] = (readers[index] as Reader)(cursor);
    }
    readTags?.(cursor, message);
    return message;
  };
  if (!nullAllowed) {
    return readStruct;
  }
  return (cursor) => {
    const presence = cursor.int8();
    if (presence !== 1 && presence !== -1) {
      throw new WireError(`a struct's presence byte is ${presence}`);
    }
    return presence === 1 ? readStruct(cursor) : null;
  };
}

/** All fields in the order of the schema, with the values of those that are not on the wire: one shape for all messages. */
function blankMessage(fields: Fields, layout: StructLayout): Message {
  const blank: Message = {};
  for (const name of Object.keys(fields)) {
    blank[name] = undefined;
  }
  for (const field of [...layout.tagged, ...layout.absent]) {
    blank[field.name] = field.wrapper.default;
  }
  return blank;
}

function tagReader(layout: StructLayout, version: number): (cursor: Cursor, message: Message) => void {
  const known = new Map(
    layout.tagged.map((field) => [field.tag, { name: field.name, read: compileReader(field.type, version, true) }]),
  );
  return (cursor, message) => {
    forEachTag(cursor, (tag) => {
      const field = known.get(tag);
      if (field !== undefined) {
        message[field.name] = field.read(cursor);
      }
      return field !== undefined;
    });
  };
}

/**
 * Walks a tagged section. `read` reads the value of a tag that it knows, and answers whether it did; others are skipped.
 * Throws WireError when tags do not ascend, or a value does not fill its size.
 */
export function forEachTag(cursor: Cursor, read: (tag: number) => boolean): void {
  let previousTag = -1;
  for (let count = cursor.unsignedVarint(); count > 0; count--) {
    const tag = cursor.unsignedVarint();
    if (tag <= previousTag) {
      throw new WireError(`tag ${tag} after ${previousTag}`);
    }
    previousTag = tag;
    const size = cursor.unsignedVarint();
    const valueEnd = cursor.take(size) + size;
    const outerEnd = cursor.end;
    cursor.position = valueEnd - size;
    cursor.end = valueEnd;
    if (!read(tag)) {
      cursor.position = valueEnd;
    } else if (cursor.position !== valueEnd) {
      throw new WireError(`tag ${tag} holds ${valueEnd - cursor.position} bytes too many`);
    }
    cursor.end = outerEnd;
  }
}

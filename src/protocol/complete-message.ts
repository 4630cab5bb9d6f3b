import type { AnyType, Fields, StructType } from './schema.ts';

/**
 * The message that a reader would see of `input`: fields left out get their defaults. For messages that are handed over
 * without passing through bytes (a command that embeds the broker). Values are shared with `input`, not copied.
 * Throws TypeError when a field without a default is missing.
 */
export function completeMessage<D, I>(type: StructType<D, I>, input: I): D {
  return completeStruct(type.fields, input as Message) as D;
}

type Message = Readonly<Record<string, unknown>>;

function completeStruct(fields: Fields, input: Message): Message {
  const message: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = input[name];
    if (value !== undefined) {
      message[name] = completeValue(field.kind === 'field' ? field.type : field, value);
    } else if (field.kind === 'field') {
      message[name] = field.default;
    } else {
      throw new TypeError(`${name} is missing`);
    }
  }
  return message;
}

function completeValue(type: AnyType, value: unknown): unknown {
  if (value !== null && type.kind === 'struct') {
    return completeStruct(type.fields, value as Message);
  }
  if (value !== null && type.kind === 'array' && type.element.kind === 'struct') {
    const { element } = type;
    return (value as readonly unknown[]).map((each) => completeValue(element, each));
  }
  return value;
}

import fc from 'fast-check';
import type { AnyApi, AnyType, Fields } from '../../src/protocol/schema.ts';

export type Direction = 'request' | 'response';

/** Messages that `version` can carry: absent fields have their defaults. */
export function arbitraryMessage(api: AnyApi, direction: Direction, version: number): fc.Arbitrary<never> {
  return arbitraryStruct(api[direction].fields, version) as fc.Arbitrary<never>;
}

/** As `arbitraryMessage`, of any struct. */
export function arbitraryStruct(fields: Fields, version: number): fc.Arbitrary<unknown> {
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (field.kind !== 'field') {
      model[name] = value(field, version);
    } else if (version < field.since || version > field.until) {
      model[name] = fc.constant(field.default);
    } else {
      model[name] = fc.oneof(fc.constant(field.default), value(field.type, version));
    }
  }
  return fc.record(model, { noNullPrototype: true });
}

function value(type: AnyType, version: number): fc.Arbitrary<unknown> {
  const nonNull = nonNullValue(type, version);
  const nullAllowed = type.nullableSince !== undefined && version >= type.nullableSince;
  return nullAllowed ? fc.option(nonNull, { nil: null }) : nonNull;
}

function nonNullValue(type: AnyType, version: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'int8':
      return fc.integer({ min: -0x80, max: 0x7f });
    case 'int16':
      return fc.integer({ min: -0x8000, max: 0x7fff });
    case 'uint16':
      return fc.integer({ min: 0, max: 0xffff });
    case 'int32':
      return fc.integer();
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'float64':
      return fc.double({ noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
    case 'string':
      return fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 200 }));
    case 'bytes':
      return fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    case 'records':
      return fc.uint8Array({ maxLength: 200 }).map((bytes) => (bytes.length === 0 ? [] : [Buffer.from(bytes)]));
    case 'array':
      return fc.array(value(type.element, version), { maxLength: 3 });
    case 'struct':
      return arbitraryStruct(type.fields, version);
  }
}

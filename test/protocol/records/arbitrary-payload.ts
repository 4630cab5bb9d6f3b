import fc from 'fast-check';

/** Bytes that compress in different ways: none, random, and words that come again near and far. */
export const arbitraryPayload: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constant(Buffer.alloc(0)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 400 })), {
      maxLength: 20,
    })
    .chain((words) =>
      fc
        .array(fc.nat({ max: Math.max(0, words.length - 1) }), { maxLength: 40 })
        .map((order) =>
          Buffer.concat(
            order.flatMap((at) => Array<Uint8Array>(words[at]?.[1] ?? 0).fill(words[at]?.[0] ?? new Uint8Array())),
          ),
        ),
    ),
);

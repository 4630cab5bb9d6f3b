import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseStrictJson } from '../../src/kernel/strict-json.ts';

const DEEP = 8 << 20;

const REFUSED: Readonly<Record<string, string>> = {
  'no JSON': '{"a":',
  'an empty text': '',
  'a name twice': '{"a":1,"a":2}',
  'a name twice, once escaped': '{"a":1,"\\u0061":2}',
  'a name twice further in': '[{"b":[{"a":1,"a":1}]}]',
  __proto__: '{"__proto__":{"v":1}}',
  '__proto__, escaped': '{"\\u005f_proto__":{"v":1}}',
  constructor: '{"a":{"constructor":{"prototype":{}}}}',
  toString: '{"toString":1}',
  'an integer that loses digits': '{"a":9007199254740993}',
  'a negative one': '[-9007199254740993]',
  'a number without an end': '1e999',
  'nesting by arrays': '['.repeat(DEEP),
  'nesting by objects': '{"a":'.repeat(DEEP / 4),
  'nesting that ends': `${'['.repeat(33)}${']'.repeat(33)}`,
};

describe('kernel: strict JSON', () => {
  for (const [name, text] of Object.entries(REFUSED)) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parseStrictJson(text), SyntaxError);
    });
  }

  it('takes nesting up to 32, and what only looks like a name or nesting inside a string', () => {
    assert.ok(parseStrictJson(`${'['.repeat(32)}${']'.repeat(32)}`));
    const value = { a: '{"a":1,"a":1}', b: '['.repeat(100), c: '\\', d: 'x\\"', e: '":"', 'f"': 1 };
    assert.deepEqual(parseStrictJson(JSON.stringify(value)), value);
    assert.equal(parseStrictJson('9007199254740991'), Number.MAX_SAFE_INTEGER);
  });

  it('reads what JSON.stringify writes', () => {
    const isOurs = (value: unknown): boolean =>
      !/__proto__|constructor|toString|valueOf|hasOwn/.test(JSON.stringify(value));
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }).filter(isOurs), (value) => {
        const text = JSON.stringify(value);
        try {
          assert.deepEqual(parseStrictJson(text), JSON.parse(text));
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error;
          assert.match(error.message, /too large|has the name/);
        }
      }),
    );
  });
});

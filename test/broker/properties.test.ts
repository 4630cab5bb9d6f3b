import assert from 'node:assert/strict';
import { parseProperties } from '../../src/broker/properties.ts';

const CASES: readonly (readonly [text: string, expected: Record<string, string>])[] = [
  ['a=1\nb: 2\nc 3\n', { a: '1', b: '2', c: '3' }],
  ['  a = 1  \r\n', { a: '1  ' }],
  ['# no\n! no\n\n   \na=1', { a: '1' }],
  ['a=1,\\\n   2,\\\n\t3', { a: '1,2,3' }],
  ['a=ends\\\\\nb=2', { a: 'ends\\', b: '2' }],
  ['a\\ b=c\\=d', { 'a b': 'c=d' }],
  ['a=\\u00e9\\t\\q', { a: 'é\tq' }],
  ['a=1\na=2', { a: '2' }],
  ['alone', { alone: '' }],
  ['a==b', { a: '=b' }],
  ['url=http://x:1/', { url: 'http://x:1/' }],
  ['a=1\\', { a: '1' }],
];

describe('properties', () => {
  for (const [text, expected] of CASES) {
    it(`reads ${JSON.stringify(text)}`, () => {
      assert.deepEqual(Object.fromEntries(parseProperties(text)), expected);
    });
  }
});

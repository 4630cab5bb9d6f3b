import assert from 'node:assert/strict';
import fc from 'fast-check';
import { OffsetMap, SLOT_BYTES } from '../../../src/log/compaction/offset-map.ts';

const KEY = Buffer.alloc(16, 7);

function put(map: OffsetMap, key: string, offset: number): boolean {
  const bytes = Buffer.from(`<${key}>`);
  return map.put(bytes, 1, bytes.length - 1, offset);
}

function get(map: OffsetMap, key: string): number {
  const bytes = Buffer.from(`<<${key}>>`);
  return map.get(bytes, 2, bytes.length - 2);
}

describe('log: the offsets of keys', () => {
  it('are the largest that were noted of each key, and -1 of others', () => {
    const map = new OffsetMap(KEY, 100 * SLOT_BYTES, 0.9);
    assert.deepEqual(
      [put(map, 'a', 0), put(map, 'b', 2 ** 52), put(map, 'a', 9), put(map, 'a', 3)],
      [true, true, true, true],
    );
    assert.deepEqual([get(map, 'a'), get(map, 'b'), get(map, 'c'), get(map, '')], [9, 2 ** 52, -1, -1]);
    assert.deepEqual([map.size, put(map, '', 5), get(map, ''), map.size], [2, true, 5, 3]);
  });

  it('take no key beyond the load factor, and go on taking offsets of those that are there', () => {
    const map = new OffsetMap(KEY, 20 * SLOT_BYTES, 0.5);
    assert.equal(map.capacity, 10);
    for (let index = 0; index < 10; index++) assert.equal(put(map, `k${index}`, index), true);
    assert.equal(put(map, 'one more', 10), false);
    assert.deepEqual([get(map, 'one more'), put(map, 'k3', 40), get(map, 'k3'), map.size], [-1, true, 40, 10]);
  });

  it('have room for some keys, and always a free slot, whatever memory and load factor say', () => {
    for (const [memoryBytes, loadFactor] of [
      [0, 0],
      [1, 1],
      [SLOT_BYTES * 16, 1],
    ] as const) {
      const map = new OffsetMap(KEY, memoryBytes, loadFactor);
      let count = 0;
      while (put(map, `k${count}`, count)) count += 1;
      assert.ok(count >= 1 && count < 16, `${count} keys`);
      assert.equal(get(map, 'not there'), -1);
    }
  });

  it('are those of a Map, whatever the order', () => {
    const entries = fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.nat(1000)), { maxLength: 200 });
    fc.assert(
      fc.property(entries, (pairs) => {
        const map = new OffsetMap(KEY, 400 * SLOT_BYTES, 0.9);
        const model = new Map<string, number>();
        for (const [key, offset] of pairs) {
          assert.equal(put(map, key, offset), true);
          model.set(key, Math.max(offset, model.get(key) ?? -1));
        }
        for (const [key, offset] of model) assert.equal(get(map, key), offset);
        assert.equal(map.size, model.size);
      }),
    );
  });
});

/** The hash in record 3, against Kafka's, and what changes it. */
import assert from 'node:assert/strict';
import { groupHash, metadataHashOf, topicHash } from '../../src/groups/consumer-metadata-hash.ts';
import type { TopicsView } from '../../src/groups/topics-view.ts';

/** Of hash4j 0.22, which Kafka 4.3 uses, with Kafka's layout. */
const GOLDEN = { bar: 8_733_119_781_167_439_863n, empty: 728_769_691_835_767_132n, foo: 4_231_092_367_357_902_416n };

describe('groups: the hash of what a KIP-848 group subscribes to', () => {
  it('of a topic is Kafka’s', () => {
    const id = Buffer.concat([Buffer.alloc(8, 0x11), Buffer.alloc(8, 0x22)]).toString('base64url');
    assert.equal(topicHash(id, 'bar', 1), GOLDEN.bar);
    assert.equal(topicHash('AAAAAAAAAAAAAAAAAAAAAA', 'empty', 0), GOLDEN.empty);
  });

  it('of a group is Kafka’s', () => {
    assert.equal(groupHash([]), 0n);
    assert.equal(groupHash([GOLDEN.foo]), -3_651_539_661_068_893_492n);
    assert.equal(groupHash([GOLDEN.bar, GOLDEN.foo]), -556_879_919_459_959_918n);
    assert.equal(groupHash([123n, 456n]), 1_482_712_172_080_382_793n);
  });

  it('changes with a topic’s id, name and size, and with nothing else', () => {
    const id = 'AAAAAAAAAAAAAAAAAAAAAQ';
    const view = (topics: Record<string, { topicId: string; partitionCount: number }>): TopicsView => ({
      byName: (name) => topics[name],
      byId: () => undefined,
      version: 0,
    });
    const hash = (names: string[], topics: Record<string, { topicId: string; partitionCount: number }>): bigint =>
      metadataHashOf(names, view(topics));
    const base = { a: { topicId: id, partitionCount: 2 }, b: { topicId: id, partitionCount: 2 } };
    const known = hash(['a', 'b'], base);
    assert.equal(hash(['b', 'a', 'a', 'missing'], base), known);
    assert.equal(hash([], base), 0n);
    assert.equal(hash(['missing'], base), 0n);
    const others = [
      hash(['a'], base),
      hash(['b'], base),
      hash(['a', 'b'], { ...base, a: { topicId: id, partitionCount: 3 } }),
      hash(['a', 'b'], { ...base, a: { topicId: 'AAAAAAAAAAAAAAAAAAAAAg', partitionCount: 2 } }),
    ];
    assert.equal(new Set([known, ...others]).size, 5);
  });
});

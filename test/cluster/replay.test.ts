import assert from 'node:assert/strict';
import { DELETED_TOPIC_IDS_MAX, emptyImage, topicById } from '../../src/cluster/cluster-image.ts';
import { entryHead, type MetadataEntry } from '../../src/cluster/entries.ts';
import { applyEntry, entryHolds } from '../../src/cluster/replay.ts';
import { controllerHead, imageWithTopic, registeredImage, registration, replayed } from './images.ts';

describe('cluster: replay', () => {
  it('a topic is made, grows, is configured and deleted', () => {
    const made = imageWithTopic();
    assert.deepEqual(made.topics.get('t')?.partitions[1], {
      index: 1,
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: 0,
      replicas: [1],
      isr: [1],
    });
    const head = controllerHead(made);
    const grown = replayed(
      made,
      {
        ...head,
        type: 'partitions-added',
        topicId: 'id-of-t',
        expects: { partitionCount: 2 },
        partitions: [{ index: 2, replicas: [1] }],
      },
      { ...head, type: 'topic-configs-altered', topicId: 'id-of-t', changes: { 'segment.bytes': null, a: 'b' } },
      { ...head, type: 'settings-altered', changes: { 'num.partitions': '3' } },
    );
    assert.deepEqual(
      topicById(grown, 'id-of-t')?.partitions.map(({ index }) => index),
      [0, 1, 2],
    );
    assert.deepEqual([...(topicById(grown, 'id-of-t')?.configs ?? [])], [['a', 'b']]);
    assert.deepEqual([...grown.settings], [['num.partitions', '3']]);
    const deleted = applyEntry(grown, { ...head, type: 'topic-deleted', topicId: 'id-of-t' });
    assert.equal(deleted.topics.size + deleted.topicNameById.size, 0);
    assert.deepEqual([...deleted.deletedTopicIds], ['id-of-t']);
    assert.equal(made.topics.size, 1, 'earlier images stay what they were');
    assert.equal(made.deletedTopicIds.size, 0);
  });

  it('the ids of the topics deleted last are remembered, and no more of them', () => {
    let image = registeredImage();
    const head = controllerHead(image);
    for (let number = 0; number < DELETED_TOPIC_IDS_MAX + 3; number += 1) {
      const topicId = `id-${number}`;
      const partitions = [{ index: 0, replicas: [1] }];
      image = replayed(
        image,
        { ...head, type: 'topic-created', name: 't', topicId, configs: {}, partitions },
        { ...head, type: 'topic-deleted', topicId },
      );
    }
    assert.equal(image.deletedTopicIds.size, DELETED_TOPIC_IDS_MAX);
    assert.equal([...image.deletedTopicIds][0], 'id-3');
    assert.ok(image.deletedTopicIds.has(`id-${DELETED_TOPIC_IDS_MAX + 2}`));
  });

  const image = imageWithTopic();
  const head = controllerHead(image);
  const skipped: readonly (readonly [string, MetadataEntry])[] = [
    ['an earlier broker epoch', { ...head, brokerEpoch: 0, type: 'topic-deleted', topicId: 'id-of-t' }],
    ['an unknown broker', { ...head, brokerId: 2, type: 'topic-deleted', topicId: 'id-of-t' }],
    ['an earlier controller epoch', { ...head, controllerEpoch: 0, type: 'topic-deleted', topicId: 'id-of-t' }],
    ['a topic that is not there', { ...head, type: 'topic-deleted', topicId: 'other' }],
    [
      'a name that is taken',
      { ...head, type: 'topic-created', name: 't', topicId: 'new', configs: {}, partitions: [] },
    ],
    [
      'a topic id that is taken',
      { ...head, type: 'topic-created', name: 'u', topicId: 'id-of-t', configs: {}, partitions: [] },
    ],
    [
      'another count of partitions',
      { ...head, type: 'partitions-added', topicId: 'id-of-t', expects: { partitionCount: 1 }, partitions: [] },
    ],
    ['a registration of another number', registration(image, { brokerEpoch: 9 })],
    ['a registration that had not read the end', registration(image, { expects: { lastNumber: 1 } })],
    ['a claim of a controller epoch that is taken', registration(image, { claimsController: 1 })],
    ['a block of an earlier broker epoch', { ...entryHead('x', 1, 0), type: 'producer-id-block' }],
  ];
  for (const [what, entry] of skipped) {
    it(`an entry with ${what} is skipped, and its number is used up`, () => {
      assert.equal(entryHolds(image, entry), false);
      assert.deepEqual(applyEntry(image, entry), { ...image, lastNumber: image.lastNumber + 1 });
    });
  }

  it('after a newer registration nothing of the earlier one holds', () => {
    const taken = applyEntry(image, registration(image));
    assert.equal(entryHolds(taken, { ...head, type: 'topic-deleted', topicId: 'id-of-t' }), false);
    assert.equal(entryHolds(taken, { ...entryHead('x', 1, head.brokerEpoch), type: 'producer-id-block' }), false);
  });

  it('an unclean close raises the epochs of the partitions that the broker leads, of no others', () => {
    const both = applyEntry(image, registration(image, { brokerId: 2, claimsController: image.controllerEpoch + 1 }));
    const other = applyEntry(both, registration(both, { brokerId: 2, uncleanClose: true }));
    assert.deepEqual(other.topics, image.topics);
    const own = applyEntry(other, registration(other, { uncleanClose: true }));
    assert.deepEqual(
      own.topics.get('t')?.partitions.map(({ leaderEpoch, partitionEpoch }) => [leaderEpoch, partitionEpoch]),
      [
        [1, 1],
        [1, 1],
      ],
    );
  });

  it('a registration without a claim leaves the controller as it was', () => {
    const first = emptyImage('c');
    const { claimsController: _, ...unclaimed } = registration(first);
    assert.equal(applyEntry(first, unclaimed).controllerId, -1);
    assert.equal(registeredImage().controllerId, 1);
  });
});

import assert from 'node:assert/strict';
import { applyEntry } from '../../src/cluster/replay.ts';
import {
  addPartitionsEntry,
  alterSettingsEntry,
  alterTopicConfigsEntry,
  createTopicEntry,
  deleteTopicEntry,
} from '../../src/cluster/topic-changes.ts';
import { type ErrorName, KafkaError } from '../../src/protocol/errors.ts';
import { controllerHead, imageWithTopic } from './images.ts';

const image = imageWithTopic();
const head = controllerHead(image);
const wanted = { name: 'u', topicId: 'id-of-u', partitionCount: 3, configs: new Map([['a', 'b']]) };

function refusal(action: () => unknown): ErrorName | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof KafkaError, String(error));
    return error.errorName;
  }
}

describe('cluster: changes of topics', () => {
  it('what is decided holds on replay', () => {
    const created = createTopicEntry(image, head, wanted);
    assert.ok(created);
    const after = applyEntry(image, created);
    assert.deepEqual(
      after.topics.get('u')?.partitions.map(({ index, leader }) => [index, leader]),
      [
        [0, 1],
        [1, 1],
        [2, 1],
      ],
    );
    const added = addPartitionsEntry(after, head, 'id-of-u', 5, false);
    assert.ok(added);
    assert.equal(applyEntry(after, added).topics.get('u')?.partitions.length, 5);
    const deleted = deleteTopicEntry(after, head, 'id-of-u', false);
    assert.ok(deleted);
    assert.equal(applyEntry(after, deleted).topics.has('u'), false);
  });

  it('the same change decided again, after its answer was lost, is done', () => {
    const created = createTopicEntry(image, head, wanted);
    assert.ok(created);
    const after = applyEntry(image, created);
    assert.equal(createTopicEntry(after, head, wanted), undefined);
    assert.equal(deleteTopicEntry(image, head, 'gone', true), undefined);
    assert.equal(addPartitionsEntry(image, head, 'id-of-t', 2, true), undefined);
  });

  for (const name of ['', '.', '..', 'a/b', 'a b', 'ü', 'x'.repeat(250)]) {
    it(`'${name.slice(0, 10)}' is no topic name`, () => {
      assert.equal(
        refusal(() => createTopicEntry(image, head, { ...wanted, name })),
        'INVALID_TOPIC_EXCEPTION',
      );
    });
  }

  it('what is there already, or differs by . and _ only, cannot be made', () => {
    assert.equal(
      refusal(() => createTopicEntry(image, head, { ...wanted, name: 't' })),
      'TOPIC_ALREADY_EXISTS',
    );
    const dotted = createTopicEntry(image, head, { ...wanted, name: 'a.b' });
    assert.ok(dotted);
    const after = applyEntry(image, dotted);
    const other = { ...wanted, name: 'a_b', topicId: 'other' };
    assert.equal(
      refusal(() => createTopicEntry(after, head, other)),
      'INVALID_TOPIC_EXCEPTION',
    );
  });

  it('counts of partitions only rise, from one on', () => {
    for (const partitionCount of [0, -1, 1.5]) {
      assert.equal(
        refusal(() => createTopicEntry(image, head, { ...wanted, partitionCount })),
        'INVALID_PARTITIONS',
      );
    }
    for (const count of [0, 1, 2, 2.5]) {
      assert.equal(
        refusal(() => addPartitionsEntry(image, head, 'id-of-t', count, false)),
        'INVALID_PARTITIONS',
      );
    }
  });

  it('a topic that is not there cannot be changed', () => {
    assert.equal(
      refusal(() => deleteTopicEntry(image, head, 'x', false)),
      'UNKNOWN_TOPIC_ID',
    );
    assert.equal(
      refusal(() => addPartitionsEntry(image, head, 'x', 9, false)),
      'UNKNOWN_TOPIC_ID',
    );
    assert.equal(
      refusal(() => alterTopicConfigsEntry(image, head, 'x', new Map())),
      'UNKNOWN_TOPIC_ID',
    );
  });

  it('configs that are so already are no change', () => {
    const same = new Map([
      ['segment.bytes', '1000'],
      ['absent', null],
    ]);
    assert.equal(alterTopicConfigsEntry(image, head, 'id-of-t', same), undefined);
    const changes = new Map([...same, ['segment.bytes', null] as const]);
    assert.deepEqual(alterTopicConfigsEntry(image, head, 'id-of-t', changes)?.changes, { 'segment.bytes': null });
    assert.equal(alterSettingsEntry(image, head, new Map([['a', null]])), undefined);
    assert.deepEqual(alterSettingsEntry(image, head, new Map([['a', '1']]))?.changes, { a: '1' });
  });
});

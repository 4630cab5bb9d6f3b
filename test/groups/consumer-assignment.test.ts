import assert from 'node:assert/strict';
import { toAssignment, toTopicPartitions } from '../../src/groups/consumer-assignment.ts';

describe('groups: assignments of KIP-848', () => {
  it('a topic that is named more than once has the partitions of all of them, each once', () => {
    const assignment = toAssignment([
      { topicId: 'a', partitions: [3, 1] },
      { topicId: 'b', partitions: [] },
      { topicId: 'a', partitions: [2, 3] },
    ]);
    assert.deepEqual(toTopicPartitions(assignment), [{ topicId: 'a', partitions: [1, 2, 3] }]);
  });

  it('a request that names one topic again and again takes no longer than its partitions', () => {
    const topics = Array.from({ length: 200_000 }, (_, partition) => ({ topicId: 'a', partitions: [partition] }));
    const startMs = performance.now();
    assert.equal(toAssignment(topics).get('a')?.size, 200_000);
    assert.ok(performance.now() - startMs < 5_000, 'it grows with the square of them');
  });
});

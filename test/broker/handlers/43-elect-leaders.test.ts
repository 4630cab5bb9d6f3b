import assert from 'node:assert/strict';
import { ElectLeaders } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { type BrokerUnderTest, withBroker } from '../broker-in-world.ts';

async function elect(
  test: BrokerUnderTest,
  electionType: number,
  topicPartitions: readonly { topic: string; partitions: readonly number[] }[] | null,
) {
  const answer = await test.call(ElectLeaders, 2, { electionType, topicPartitions });
  return {
    error: errorName(answer.errorCode),
    results: answer.replicaElectionResults.flatMap(({ topic, partitionResult }) =>
      partitionResult.map(({ partitionId, errorCode }) => `${topic}-${partitionId} ${errorName(errorCode)}`),
    ),
  };
}

describe('ElectLeaders', () => {
  for (const [what, electionType] of [
    ['a preferred', 0],
    ['an unclean', 1],
  ] as const) {
    it(`finds ${what} election needless`, () =>
      withBroker(async (test) => {
        await test.createTopic('t', 2);
        const asked = [
          { topic: 't', partitions: [1, 2] },
          { topic: 'absent', partitions: [0] },
        ];
        assert.deepEqual(await elect(test, electionType, asked), {
          error: 'NONE',
          results: ['t-1 ELECTION_NOT_NEEDED', 't-2 UNKNOWN_TOPIC_OR_PARTITION', 'absent-0 UNKNOWN_TOPIC_OR_PARTITION'],
        });
        assert.deepEqual(await elect(test, electionType, null), { error: 'NONE', results: [] });
      }));
  }

  it('refuses a kind of election that there is not', () =>
    withBroker(async (test) => {
      assert.deepEqual(await elect(test, 2, null), { error: 'INVALID_REQUEST', results: [] });
    }));
});

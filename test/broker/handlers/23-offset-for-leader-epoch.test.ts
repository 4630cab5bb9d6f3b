import assert from 'node:assert/strict';
import { Metadata, OffsetForLeaderEpoch } from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { type BrokerUnderTest, withBroker } from '../broker-in-world.ts';

async function endOf(test: BrokerUnderTest, leaderEpoch: number, currentLeaderEpoch = -1, topic = 't') {
  const topics = [{ topic, partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }];
  const answer = await test.call(OffsetForLeaderEpoch, 4, { replicaId: -1, topics });
  const found = answer.topics[0]?.partitions[0];
  assert.ok(found !== undefined);
  return [errorName(found.errorCode), found.leaderEpoch, Number(found.endOffset)];
}

async function epochOf(test: BrokerUnderTest): Promise<number> {
  const answer = await test.call(Metadata, 12, { topics: [{ name: 't' }] });
  return answer.topics[0]?.partitions[0]?.leaderEpoch ?? -1;
}

describe('OffsetForLeaderEpoch', () => {
  it('answers the end of the newest epoch, and nothing for one that is not known', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      await test.produce('t', ['a', 'b', 'c']);
      const epoch = await epochOf(test);
      assert.deepEqual(await endOf(test, epoch, epoch), ['NONE', epoch, 3]);
      assert.deepEqual(await endOf(test, epoch + 1), ['NONE', -1, -1]);
      assert.deepEqual(await endOf(test, -1), ['NONE', -1, -1]);
    }));

  it('refuses another leader epoch than its own, and what is not there', () =>
    withBroker(async (test) => {
      await test.createTopic('t');
      const epoch = await epochOf(test);
      assert.deepEqual(await endOf(test, epoch, epoch + 1), ['UNKNOWN_LEADER_EPOCH', -1, -1]);
      assert.deepEqual(await endOf(test, 0, -1, 'absent'), ['UNKNOWN_TOPIC_OR_PARTITION', -1, -1]);
    }));
});

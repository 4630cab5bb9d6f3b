import assert from 'node:assert/strict';
import { OffsetCommit, OffsetFetch } from '../../../src/protocol/apis/index.ts';
import { ask, loadModulesOnce, names, versionsOf, withTopics } from './group-scene.ts';

const ZERO = 'AAAAAAAAAAAAAAAAAAAAAA';

before(loadModulesOnce);

describe('OffsetCommit and OffsetFetch', () => {
  const partition = (partitionIndex: number, offset: bigint, committedMetadata: string | null = null) => ({
    partitionIndex,
    committedOffset: offset,
    committedMetadata,
  });

  it('in every version: what is committed is read, by name or by id', () =>
    withTopics(async (test) => {
      const topicId = test.session.image().topics.get('t')?.topicId ?? '';
      for (const version of versionsOf(OffsetCommit)) {
        const topic = version < 10 ? { name: 't' } : { topicId };
        const committed = await ask(test, OffsetCommit, version, {
          groupId: 'g',
          topics: [{ ...topic, partitions: [partition(0, BigInt(version), `m${version}`)] }],
        });
        assert.deepEqual(names(committed.topics[0]?.partitions ?? []), ['NONE']);
        assert.deepEqual(
          [committed.topics[0]?.name, committed.topics[0]?.topicId],
          version < 10 ? ['t', ZERO] : ['', topicId],
        );
        for (const fetchVersion of versionsOf(OffsetFetch)) {
          const asked = fetchVersion < 10 ? { name: 't' } : { topicId };
          const topics = [{ name: '', ...asked, partitionIndexes: [0, 1] }];
          const single = { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0, 1] }] };
          const fetched = await ask(
            test,
            OffsetFetch,
            fetchVersion,
            fetchVersion < 8 ? single : { groups: [{ groupId: 'g', topics }] },
          );
          const found = fetchVersion < 8 ? fetched.topics : fetched.groups[0]?.topics;
          assert.deepEqual(
            found?.[0]?.partitions.map(({ committedOffset, metadata, errorCode }) => [
              committedOffset,
              metadata,
              errorCode,
            ]),
            [
              [BigInt(version), `m${version}`, 0],
              [-1n, '', 0],
            ],
          );
        }
      }
    }));

  it('all that a group has, where no topics are named', () =>
    withTopics(async (test) => {
      const topics = [
        { name: 't', partitions: [partition(2, 5n), partition(0, 4n)] },
        { name: 'u', partitions: [partition(0, 9n)] },
      ];
      await ask(test, OffsetCommit, 8, { groupId: 'g', topics });
      for (const version of versionsOf(OffsetFetch).filter((each) => each >= 2)) {
        const asked = version < 8 ? { groupId: 'g', topics: null } : { groups: [{ groupId: 'g', topics: null }] };
        const fetched = await ask(test, OffsetFetch, version, asked);
        const found = version < 8 ? fetched.topics : fetched.groups[0]?.topics;
        assert.deepEqual(
          found?.map(({ partitions }) => partitions.map((each) => `${each.partitionIndex}@${each.committedOffset}`)),
          [['0@4', '2@5'], ['0@9']],
        );
      }
    }));

  it('what cannot be committed does not keep the rest from it', () =>
    withTopics(async (test) => {
      const topics = [
        { name: 'absent', partitions: [partition(0, 1n)] },
        { name: 't', partitions: [partition(7, 1n), partition(0, 2n), partition(1, 3n, 'x'.repeat(4097))] },
        { name: 'u', partitions: [partition(0, -3n)] },
      ];
      const answer = await ask(test, OffsetCommit, 8, { groupId: 'g', topics });
      assert.deepEqual(
        answer.topics.map(({ partitions }) => names(partitions)),
        [['UNKNOWN_TOPIC_OR_PARTITION'], ['UNKNOWN_TOPIC_OR_PARTITION', 'NONE', 'OFFSET_METADATA_TOO_LARGE'], ['NONE']],
      );
      const unknown = { topicId: 'BBBBBBBBBBBBBBBBBBBBBB', partitions: [partition(0, 1n)] };
      const byId = await ask(test, OffsetCommit, 10, { groupId: 'g', topics: [unknown] });
      assert.deepEqual(names(byId.topics[0]?.partitions ?? []), ['UNKNOWN_TOPIC_ID']);
      const fetched = await ask(test, OffsetFetch, 10, {
        groups: [{ groupId: 'g', topics: [{ topicId: unknown.topicId, partitionIndexes: [0] }] }],
      });
      assert.deepEqual(names(fetched.groups[0]?.topics[0]?.partitions ?? []), ['UNKNOWN_TOPIC_ID']);
    }));

  it('a commit by somebody who is no member is refused for all that he committed', () =>
    withTopics(async (test) => {
      const topics = [{ name: 't', partitions: [partition(0, 1n), partition(9, 1n)] }];
      const answer = await ask(test, OffsetCommit, 8, {
        groupId: 'g',
        memberId: 'm',
        generationIdOrMemberEpoch: 3,
        topics,
      });
      assert.deepEqual(names(answer.topics[0]?.partitions ?? []), ['ILLEGAL_GENERATION', 'UNKNOWN_TOPIC_OR_PARTITION']);
    }));

  it('a commit of thousands of partitions is one answer, and is kept whole', () =>
    withTopics(async (test) => {
      await test.createTopic('wide', 5000);
      const partitions = Array.from({ length: 5000 }, (_, at) => partition(at, BigInt(at), 'm'.repeat(300)));
      const answer = await ask(test, OffsetCommit, 8, { groupId: 'g', topics: [{ name: 'wide', partitions }] });
      assert.ok(answer.topics[0]?.partitions.every(({ errorCode }) => errorCode === 0));
      const fetched = await ask(test, OffsetFetch, 8, { groups: [{ groupId: 'g', topics: null }] });
      assert.equal(fetched.groups[0]?.topics[0]?.partitions.length, 5000);
    }));
});

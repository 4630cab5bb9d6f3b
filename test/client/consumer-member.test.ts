import assert from 'node:assert/strict';
import { ConsumerMember } from '../../src/client/consumer-member.ts';
import { Deadline } from '../../src/client/deadline.ts';
import { ConsumerGroupHeartbeat, Metadata, OffsetCommit } from '../../src/protocol/apis/index.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import { Diary, ScriptedGroup, TOPIC_ID } from './scripted-group.ts';

const OFFSETS = [{ topic: 't', partition: 0, offset: 5 }];

function beat(memberEpoch: number, partitions?: readonly number[]) {
  const topicPartitions = partitions?.length === 0 ? [] : [{ topicId: TOPIC_ID, partitions }];
  const assignment = partitions === undefined ? null : { topicPartitions };
  return { errorCode: 0, memberEpoch, heartbeatIntervalMs: 2_000, assignment };
}

function scene(instanceId: string | null = null) {
  const group = new ScriptedGroup();
  const diary = new Diary();
  const member = new ConsumerMember(group.options(instanceId), diary);
  const pass = (ms: number): Promise<void> => group.clock.run(group.clock.sleep(ms));
  const leave = () => group.clock.run(member.leave([], new Deadline(group.clock, 5_000)));
  const beats = () => group.sent.filter(({ name }) => name === 'ConsumerGroupHeartbeat').map(({ message }) => message);
  return { group, diary, member, pass, leave, beats };
}

describe('member of a group of KIP-848', () => {
  it('joins with all it has to say, tells at once what it has taken, then only that it lives', async () => {
    const { group, diary, member, pass, leave, beats } = scene();
    group.answer(ConsumerGroupHeartbeat, beat(1, [0, 1]), beat(1));
    member.start();
    await pass(2_000);
    assert.deepEqual(diary.lines, ['assigned 0,1']);
    assert.equal(member.isSettled, true);
    const told = beats().map(({ memberEpoch, subscribedTopicNames, topicPartitions }) => ({
      memberEpoch,
      subscribedTopicNames,
      topicPartitions,
    }));
    assert.deepEqual(told.slice(0, 3), [
      { memberEpoch: 0, subscribedTopicNames: ['t'], topicPartitions: [] },
      { memberEpoch: 1, subscribedTopicNames: null, topicPartitions: [{ topicId: TOPIC_ID, partitions: [0, 1] }] },
      { memberEpoch: 1, subscribedTopicNames: null, topicPartitions: null },
    ]);
    await leave();
    assert.equal(beats().at(-1)?.['memberEpoch'], -1);
    assert.equal(group.clock.timerCount, 0);
  });

  it('gives up first, says so when that is done, and takes what is new then', async () => {
    const { group, diary, member, pass, leave, beats } = scene();
    group.answer(ConsumerGroupHeartbeat, beat(1, [0]), beat(1), beat(1, [1]), beat(2));
    diary.onRevoked = () => group.clock.sleep(4_000);
    member.start();
    await pass(4_000);
    assert.deepEqual(diary.lines, ['assigned 0', 'revoked 0']);
    assert.equal(member.isSettled, false);
    assert.ok(beats().length >= 4, 'it is heard of meanwhile');
    await pass(3_000);
    assert.deepEqual(diary.lines, ['assigned 0', 'revoked 0', 'assigned 1']);
    assert.ok(beats().some(({ topicPartitions }) => JSON.stringify(topicPartitions)?.includes('[1]')));
    await leave();
  });

  it('an assignment that had to be looked up does not take the place of a later one', async () => {
    const { group, diary, member, pass, leave } = scene();
    group.answer(ConsumerGroupHeartbeat, beat(1, [0]), beat(1), beat(2, [0, 5]), beat(3, [1]), beat(3));
    member.start();
    await pass(100);
    const partitions = Array.from({ length: 6 }, (_, partitionIndex) => ({ partitionIndex, leaderId: 1 }));
    const found = { topics: [{ name: 't', topicId: TOPIC_ID, partitions }] };
    group.answer(Metadata, ...Array.from({ length: 8 }, () => 'lost' as const), found);
    await pass(10_000);
    assert.deepEqual(diary.lines, ['assigned 0', 'revoked 0', 'assigned 1']);
    await leave();
  });

  it('is settled with nothing, too', async () => {
    const { group, diary, member, pass, leave } = scene();
    group.answer(ConsumerGroupHeartbeat, beat(1, []), beat(1));
    member.start();
    await pass(100);
    assert.deepEqual(diary.lines, ['assigned ']);
    assert.equal(member.isSettled, true);
    await leave();
  });

  for (const error of ['FENCED_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID'] as const) {
    it(`has lost all at ${error}, and joins again`, async () => {
      const { group, diary, member, pass, leave, beats } = scene();
      group.answer(ConsumerGroupHeartbeat, beat(1, [0]), beat(1), error, beat(5, [1]), beat(5));
      member.start();
      await pass(4_000);
      assert.deepEqual(diary.lines, ['assigned 0', 'lost 0', 'assigned 1']);
      assert.equal(beats().filter(({ memberEpoch }) => memberEpoch === 0).length, 2);
      await leave();
    });
  }

  it('says all once more after an answer was lost', async () => {
    const { group, diary, member, pass, leave, beats } = scene();
    group.answer(ConsumerGroupHeartbeat, beat(1, [0]), 'lost', beat(1));
    member.start();
    await pass(1_000);
    assert.deepEqual(diary.lines, ['assigned 0']);
    const last = beats().at(-1);
    assert.deepEqual(last?.['subscribedTopicNames'], ['t']);
    assert.deepEqual(last?.['topicPartitions'], [{ topicId: TOPIC_ID, partitions: [0] }]);
    await leave();
  });

  it('commits with its epoch, and once more with the next one when it is stale', async () => {
    const { group, member, pass, leave } = scene();
    group.answer(ConsumerGroupHeartbeat, beat(3, [0]), beat(4));
    member.start();
    await pass(1);
    const { code } = new KafkaError('STALE_MEMBER_EPOCH');
    const refused = { topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: code }] }] };
    group.answer(OffsetCommit, refused, {});
    await pass(10);
    assert.equal(await group.clock.run(member.commit(OFFSETS)), 'again');
    await pass(10);
    assert.equal(await group.clock.run(member.commit(OFFSETS)), 'done');
    await leave();
  });

  it('goes with the epoch that a heartbeat under way brings', async () => {
    const { group, member, pass } = scene();
    group.answer(ConsumerGroupHeartbeat, beat(3, [0]), beat(3));
    member.start();
    await pass(20);
    group.answer(ConsumerGroupHeartbeat, beat(4));
    member.nudge();
    await pass(0.5);
    const goodbye = member.leave(OFFSETS, new Deadline(group.clock, 5_000));
    assert.equal(await group.clock.run(goodbye), 'done');
    const commit = group.sent.find(({ name }) => name === 'OffsetCommit');
    assert.equal(commit?.message['generationIdOrMemberEpoch'], 4);
  });

  it('keeps its place as a static member when it goes', async () => {
    const { group, member, pass, leave, beats } = scene('one');
    group.answer(ConsumerGroupHeartbeat, beat(1, [0]), beat(1));
    member.start();
    await pass(100);
    await leave();
    assert.equal(beats().at(-1)?.['memberEpoch'], -2);
    assert.equal(beats().at(-1)?.['instanceId'], 'one');
  });

  it('goes at once where another member has its instance', async () => {
    const { group, member, pass, leave, beats } = scene('one');
    group.answer(ConsumerGroupHeartbeat, 'UNRELEASED_INSTANCE_ID');
    member.start();
    await pass(100);
    group.answer(ConsumerGroupHeartbeat, 'FENCED_INSTANCE_ID');
    await leave();
    assert.equal(beats().filter(({ memberEpoch }) => memberEpoch === -2).length, 1);
  });

  it('tells that the group is of the other kind', async () => {
    const { group, diary, member, pass } = scene();
    group.answer(ConsumerGroupHeartbeat, 'GROUP_ID_NOT_FOUND');
    member.start();
    await pass(100);
    assert.ok(diary.failure instanceof KafkaError);
    assert.equal(group.clock.timerCount, 0);
  });
});

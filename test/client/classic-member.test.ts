import assert from 'node:assert/strict';
import { ClassicMember } from '../../src/client/classic-member.ts';
import { Deadline } from '../../src/client/deadline.ts';
import {
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  SyncGroup,
} from '../../src/protocol/apis/index.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import { encodeConsumerAssignment, encodeConsumerSubscription } from '../../src/protocol/group/consumer-protocol.ts';
import { Diary, ScriptedGroup, TOPIC_ID } from './scripted-group.ts';

const OFFSETS = [{ topic: 't', partition: 0, offset: 5 }];
const COMMITTED = { topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: 0 }] }] };

function joined(generationId: number, memberId = 'm', leader = memberId) {
  const metadata = encodeConsumerSubscription({ topics: ['t'] }, 0);
  const members = leader === memberId ? [{ memberId, groupInstanceId: null, metadata }] : [];
  return { errorCode: 0, generationId, protocolType: 'consumer', protocolName: 'range', leader, memberId, members };
}

function synced(...partitions: number[]) {
  const assignedPartitions = partitions.length === 0 ? [] : [{ topic: 't', partitions }];
  return { errorCode: 0, assignment: encodeConsumerAssignment({ assignedPartitions }, 0) };
}

function refusedCommit(name: ConstructorParameters<typeof KafkaError>[0]) {
  const { code } = new KafkaError(name);
  return { topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: code }] }] };
}

function scene() {
  const group = new ScriptedGroup();
  group.answer(JoinGroup, joined(1));
  group.answer(SyncGroup, synced(0, 1));
  const diary = new Diary();
  const member = new ClassicMember(group.options(), diary);
  const pass = (ms: number): Promise<void> => group.clock.run(group.clock.sleep(ms));
  const leave = (offsets = OFFSETS) => group.clock.run(member.leave(offsets, new Deadline(group.clock, 5_000)));
  return { group, diary, member, pass, leave };
}

describe('classic member', () => {
  it('joins with the id that it is given, assigns as the leader, and is heard of', async () => {
    const { group, diary, member, pass, leave } = scene();
    group.answer(JoinGroup, { errorCode: new KafkaError('MEMBER_ID_REQUIRED').code, memberId: 'm' }, joined(1));
    member.start();
    await pass(4_000);
    assert.deepEqual(diary.lines, ['assigned 0,1']);
    assert.equal(member.isSettled, true);
    assert.deepEqual(group.namesSent(), ['JoinGroup', 'JoinGroup', 'SyncGroup', 'Heartbeat', 'Heartbeat']);
    const sync = group.sent.find(({ name }) => name === 'SyncGroup')?.message;
    assert.deepEqual(sync?.['assignments'], [{ memberId: 'm', assignment: synced(0, 1).assignment }]);
    await leave([]);
    assert.equal(group.namesSent().at(-1), 'LeaveGroup');
    assert.equal(group.clock.timerCount, 0);
  });

  it('gives all up when others come, and is heard of meanwhile', async () => {
    const { group, diary, member, pass, leave } = scene();
    group.answer(Heartbeat, 'REBALANCE_IN_PROGRESS');
    group.answer(SyncGroup, synced(0, 1), synced(1));
    diary.onRevoked = () => group.clock.sleep(4_000);
    member.start();
    await pass(3_000);
    assert.deepEqual(diary.lines, ['assigned 0,1', 'revoked 0,1']);
    assert.equal(member.isSettled, false);
    group.answer(Heartbeat, {});
    await pass(5_000);
    assert.deepEqual(diary.lines, ['assigned 0,1', 'revoked 0,1', 'assigned 1']);
    const beatCount = group.namesSent().slice(0, group.namesSent().lastIndexOf('JoinGroup')).length - 2;
    assert.ok(beatCount >= 3, `${beatCount} heartbeats while partitions are given up`);
    await leave([]);
  });

  for (const error of ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'] as const) {
    it(`has lost all at ${error}, and joins again`, async () => {
      const { group, diary, member, pass, leave } = scene();
      group.answer(Heartbeat, error, {});
      member.start();
      await pass(3_000);
      assert.deepEqual(diary.lines, ['assigned 0,1', 'lost 0,1', 'assigned 0,1']);
      const ids = group.sent.filter(({ name }) => name === 'JoinGroup').map(({ message }) => message['memberId']);
      assert.deepEqual(ids, ['', error === 'UNKNOWN_MEMBER_ID' ? '' : 'm']);
      await leave([]);
    });
  }

  it('looks for the coordinator again when it has moved, and loses nothing', async () => {
    const { group, diary, member, pass, leave } = scene();
    group.answer(Heartbeat, {}, 'NOT_COORDINATOR', 'lost', {});
    group.answer(FindCoordinator, { coordinators: [{ key: 'g', nodeId: 1, errorCode: 0 }] });
    member.start();
    await pass(9_000);
    assert.deepEqual(diary.lines, ['assigned 0,1']);
    assert.ok(group.sent.filter(({ name }) => name === 'FindCoordinator').length >= 3);
    await leave([]);
  });

  it('says what became of a commit', async () => {
    const { group, diary, member, pass, leave } = scene();
    member.start();
    await pass(100);
    for (const [answer, outcome] of [
      [COMMITTED, 'done'],
      [refusedCommit('COORDINATOR_LOAD_IN_PROGRESS'), 'again'],
      ['lost', 'again'],
      [refusedCommit('ILLEGAL_GENERATION'), 'refused'],
    ] as const) {
      group.answer(OffsetCommit, answer);
      assert.equal(await group.clock.run(member.commit(OFFSETS)), outcome);
    }
    await pass(100);
    assert.deepEqual(diary.lines, ['assigned 0,1', 'lost 0,1', 'assigned 0,1']);
    await leave([]);
  });

  it('commits and leaves in one go', async () => {
    const { group, member, pass, leave } = scene();
    group.answer(OffsetCommit, COMMITTED);
    member.start();
    await pass(100);
    assert.equal(await leave(), 'done');
    assert.deepEqual(group.namesSent().slice(-2), ['OffsetCommit', 'LeaveGroup']);
  });

  it('asks what the group has when its goodbye was heard and the answers were lost', async () => {
    const { group, member, pass, leave } = scene();
    group.answer(OffsetCommit, 'lost', refusedCommit('UNKNOWN_MEMBER_ID'));
    const committed = { partitionIndex: 0, committedOffset: 5n, metadata: '', errorCode: 0 };
    group.answer(OffsetFetch, { groups: [{ groupId: 'g', topics: [{ name: 't', partitions: [committed] }] }] });
    member.start();
    await pass(100);
    assert.equal(await leave(), 'done');
  });

  it('leaves by another way while a join is not answered', async () => {
    const { group, member, pass, leave } = scene();
    group.answer(JoinGroup, { errorCode: new KafkaError('MEMBER_ID_REQUIRED').code, memberId: 'm' });
    member.start();
    await pass(50);
    await leave([]);
    assert.deepEqual([group.sent.at(-1)?.name, group.sent.at(-1)?.lane], ['LeaveGroup', 'data']);
  });

  it('stays a static member when it goes', async () => {
    const { group, diary, pass } = scene();
    const member = new ClassicMember(group.options('one'), diary);
    member.start();
    await pass(100);
    await group.clock.run(member.leave([], new Deadline(group.clock, 5_000)));
    assert.ok(!group.namesSent().includes('LeaveGroup'));
  });

  describe('as the leader', () => {
    const topic = (name: string, partitionCount: number) => ({
      name,
      topicId: TOPIC_ID,
      partitions: Array.from({ length: partitionCount }, (_, partitionIndex) => ({ partitionIndex, leaderId: 1 })),
    });

    it('sees that a topic has grown, also when once nobody has answered', async () => {
      const { group, diary, member, pass, leave } = scene();
      group.answer(SyncGroup, synced(0, 1), synced(0, 1, 2));
      member.start();
      await pass(1_000);
      group.answer(Metadata, 'lost');
      await pass(65_000);
      group.answer(Metadata, { topics: [topic('t', 3)] });
      await pass(65_000);
      assert.deepEqual(diary.lines, ['assigned 0,1', 'revoked 0,1', 'assigned 0,1,2']);
      await leave([]);
      assert.equal(group.clock.timerCount, 0);
    });

    it('sees that a topic is there by now that another member reads', async () => {
      const { group, diary, member, pass, leave } = scene();
      const answer = joined(1);
      const metadata = encodeConsumerSubscription({ topics: ['u'] }, 0);
      group.answer(JoinGroup, {
        ...answer,
        members: [...answer.members, { memberId: 'n', groupInstanceId: null, metadata }],
      });
      member.start();
      await pass(65_000);
      assert.deepEqual(diary.lines, ['assigned 0,1']);
      group.answer(Metadata, { topics: [topic('t', 2), topic('u', 1)] });
      await pass(35_000);
      assert.deepEqual(diary.lines, ['assigned 0,1', 'revoked 0,1', 'assigned 0,1']);
      await leave([]);
    });
  });

  it('tells that the group is of the other kind', async () => {
    const { group, diary, member, pass } = scene();
    group.answer(JoinGroup, 'INCONSISTENT_GROUP_PROTOCOL');
    member.start();
    await pass(100);
    assert.ok(diary.failure instanceof KafkaError);
  });

  it('ends when nobody answers for the whole time', async () => {
    const { group, diary, member, pass } = scene();
    group.answer(Heartbeat, 'lost');
    member.start();
    await pass(29_000);
    assert.deepEqual(diary.lines, ['assigned 0,1']);
    await pass(5_000);
    assert.match(diary.lines.at(-1) ?? '', /^failed/);
  });
});

/** One member's way from what it has to what it is to have: cases of Kafka's CurrentAssignmentBuilderTest.java. */
import assert from 'node:assert/strict';
import { NO_PARTITIONS } from '../../src/groups/consumer-assignment.ts';
import { type ConsumerMember, type MemberState, newConsumerMember } from '../../src/groups/consumer-member.ts';
import { reconcile } from '../../src/groups/consumer-reconcile.ts';
import { formatShort, parseShort } from './assignors/assignor-cases.ts';

interface Case {
  readonly from: readonly [MemberState, number, string, string?];
  readonly target: readonly [number, string];
  /** Partitions that others have. */
  readonly taken?: string;
  readonly owned?: string;
  readonly subscribed?: readonly string[];
  /** State, epoch, previous epoch, assigned, pending revocation. */
  readonly to: readonly [MemberState, number, number, string, string?];
}

function run({ from, target, taken = '', owned, subscribed }: Case): Case['to'] {
  const [state, memberEpoch, assigned, pending = ''] = from;
  const member: ConsumerMember = {
    ...newConsumerMember('m'),
    state,
    memberEpoch,
    previousMemberEpoch: memberEpoch,
    assigned: parseShort(assigned),
    pendingRevocation: parseShort(pending),
  };
  const others = parseShort(taken);
  const next = reconcile(member, {
    targetEpoch: target[0],
    target: target[1] === '' ? NO_PARTITIONS : parseShort(target[1]),
    ownerOf: (topicId, partition) => (others.get(topicId)?.has(partition) === true ? 'other' : undefined),
    owned: owned === undefined ? undefined : parseShort(owned),
    changedTopicIds: subscribed && new Set(subscribed),
  });
  return [
    next.state,
    next.memberEpoch,
    next.previousMemberEpoch,
    formatShort(next.assigned),
    formatShort(next.pendingRevocation),
  ];
}

const CASES: Readonly<Record<string, Case>> = {
  'stable to stable': {
    from: ['stable', 10, 'a:1,2,3 b:4,5,6'],
    target: [11, 'a:1,2,3 b:4,5,6'],
    to: ['stable', 11, 10, 'a:1,2,3 b:4,5,6', ''],
  },
  'stable to stable with new partitions': {
    from: ['stable', 10, 'a:1,2,3 b:4,5,6'],
    target: [11, 'a:1,2,3,4 b:4,5,6,7'],
    to: ['stable', 11, 10, 'a:1,2,3,4 b:4,5,6,7', ''],
  },
  'stable to unrevoked': {
    from: ['stable', 10, 'a:1,2,3 b:4,5,6'],
    target: [11, 'a:2,3,4 b:5,6,7'],
    to: ['unrevoked', 10, 10, 'a:2,3 b:5,6', 'a:1 b:4'],
  },
  'stable to unreleased': {
    from: ['stable', 10, 'a:1,2,3 b:4,5,6'],
    target: [11, 'a:1,2,3,4 b:4,5,6,7'],
    taken: 'a:4 b:7',
    to: ['unreleased', 11, 10, 'a:1,2,3 b:4,5,6', ''],
  },
  'stable to unreleased, having let go already': {
    from: ['stable', 10, 'a:1,2,3 b:4,5,6'],
    target: [11, 'a:1,2,3 b:4,5,7'],
    taken: 'b:7',
    owned: '',
    to: ['unreleased', 11, 10, 'a:1,2,3 b:4,5', ''],
  },
  'unrevoked to stable': {
    from: ['unrevoked', 10, 'a:2,3 b:5,6', 'a:1 b:4'],
    target: [11, 'a:2,3 b:5,6'],
    owned: 'a:2,3 b:5,6',
    to: ['stable', 11, 10, 'a:2,3 b:5,6', ''],
  },
  'still unrevoked, as it does not say': {
    from: ['unrevoked', 10, 'a:2,3 b:5,6', 'a:1 b:4'],
    target: [12, 'a:3 b:6'],
    to: ['unrevoked', 10, 10, 'a:2,3 b:5,6', 'a:1 b:4'],
  },
  'still unrevoked, as it has one of them': {
    from: ['unrevoked', 10, 'a:2,3 b:5,6', 'a:1 b:4'],
    target: [12, 'a:3 b:6'],
    owned: 'a:2,3 b:4,5,6',
    to: ['unrevoked', 10, 10, 'a:2,3 b:5,6', 'a:1 b:4'],
  },
  'unrevoked to unrevoked: the target has moved on': {
    from: ['unrevoked', 10, 'a:2,3 b:5,6', 'a:1 b:4'],
    target: [12, 'a:3 b:6'],
    owned: 'a:2,3 b:5,6',
    to: ['unrevoked', 10, 10, 'a:3 b:6', 'a:2 b:5'],
  },
  'unrevoked, and a subscription that goes': {
    from: ['unrevoked', 10, 'a:2,3 b:5,6', 'a:1 b:4'],
    target: [12, 'a:2,3'],
    owned: 'a:1,2,3 b:4,5,6',
    subscribed: ['a'],
    to: ['unrevoked', 10, 10, 'a:2,3', 'a:1 b:4,5,6'],
  },
  'unrevoked to unreleased': {
    from: ['unrevoked', 11, 'a:2,3 b:5,6'],
    target: [11, 'a:2,3,4 b:5,6,7'],
    taken: 'a:4 b:7',
    owned: 'a:2,3 b:5,6',
    to: ['unreleased', 11, 11, 'a:2,3 b:5,6', ''],
  },
  'unreleased to stable': {
    from: ['unreleased', 11, 'a:2,3 b:5,6'],
    target: [12, 'a:2,3 b:5,6'],
    to: ['stable', 12, 11, 'a:2,3 b:5,6', ''],
  },
  'unreleased to stable with what has become free': {
    from: ['unreleased', 11, 'a:2,3 b:5,6'],
    target: [11, 'a:2,3,4 b:5,6,7'],
    to: ['stable', 11, 11, 'a:2,3,4 b:5,6,7', ''],
  },
  'unreleased with a part of what it waits for': {
    from: ['unreleased', 11, 'a:2,3 b:5,6'],
    target: [11, 'a:2,3,4 b:5,6,7'],
    taken: 'b:7',
    to: ['unreleased', 11, 11, 'a:2,3,4 b:5,6', ''],
  },
  'unreleased to unrevoked': {
    from: ['unreleased', 11, 'a:2,3 b:5,6'],
    target: [12, 'a:3 b:6'],
    taken: 'a:4 b:7',
    to: ['unrevoked', 11, 11, 'a:3 b:6', 'a:2 b:5'],
  },
  'a state of a later broker, and nothing owned': {
    from: ['unknown', 11, 'a:3 b:6', 'a:2 b:5'],
    target: [12, 'a:3 b:6'],
    owned: '',
    to: ['stable', 12, 11, 'a:3 b:6', ''],
  },
};

describe('groups: a KIP-848 member goes on towards its target', () => {
  for (const [name, each] of Object.entries(CASES)) {
    it(name, () => assert.deepEqual(run(each), each.to));
  }

  it('of a state of a later broker with partitions: it has to rejoin', () => {
    const unknown: Case = { from: ['unknown', 11, 'a:3'], target: [12, 'a:3'], to: ['stable', 12, 11, 'a:3'] };
    assert.throws(() => run(unknown), { errorName: 'FENCED_MEMBER_EPOCH' });
    assert.throws(() => run({ ...unknown, owned: 'a:3' }), { errorName: 'FENCED_MEMBER_EPOCH' });
  });
});

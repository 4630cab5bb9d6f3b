/**
 * How a member comes from what it has to what it is to have: it lets go first, and gets only what nobody else has.
 *
 *     stable --something to let go of--> unrevoked --it reports the rest alone--> stable, or
 *     unreleased, while others have what is to be its own: each heartbeat gives it what has become free
 *
 * Until it has let go of all a member stays at its epoch. Source: Kafka's CurrentAssignmentBuilder.java, 4.3.
 */
import { KafkaError } from '../protocol/errors.ts';
import { type Assignment, hasCommon, isEmptyAssignment, NO_PARTITIONS, unionOf } from './consumer-assignment.ts';
import type { ConsumerMember } from './consumer-member.ts';

export interface ReconcileFacts {
  readonly targetEpoch: number;
  /** What the member is to have at that epoch. */
  readonly target: Assignment;
  /** The member that has a partition now, if anybody does. */
  readonly ownerOf: (topicId: string, partition: number) => string | undefined;
  /** What the member says that it has; undefined: it does not say. */
  readonly owned: Assignment | undefined;
  /** Ids of the topics that it subscribes to, where this request has changed them. */
  readonly changedTopicIds: ReadonlySet<string> | undefined;
}

/** The member after this heartbeat; the same value where nothing changes. Throws KafkaError FENCED_MEMBER_EPOCH. */
export function reconcile(member: ConsumerMember, facts: ReconcileFacts): ConsumerMember {
  switch (member.state) {
    case 'stable':
      return member.memberEpoch === facts.targetEpoch ? member : goOn(member, member.memberEpoch, facts);
    case 'unrevoked':
      if (stillOwns(facts.owned, member.pendingRevocation)) return revokeUnsubscribed(member, facts);
      return goOn(member, member.memberEpoch, facts);
    case 'unreleased':
      return goOn(member, member.memberEpoch, facts);
    case 'unknown':
      if (facts.owned === undefined || !isEmptyAssignment(facts.owned)) {
        throw new KafkaError(
          'FENCED_MEMBER_EPOCH',
          'The member is in a state that is not known here and has to rejoin.',
        );
      }
      return goOn(member, facts.targetEpoch, facts);
  }
}

/** As long as it does not say what it has, it may have anything. */
function stillOwns(owned: Assignment | undefined, partitions: Assignment): boolean {
  return owned === undefined || hasCommon(owned, partitions);
}

function goOn(member: ConsumerMember, epoch: number, facts: ReconcileFacts): ConsumerMember {
  const { targetEpoch, target, owned } = facts;
  const kept = select(member.assigned, (topicId, partition) => target.get(topicId)?.has(partition) === true);
  const revoked = select(member.assigned, (topicId, partition) => target.get(topicId)?.has(partition) !== true);
  if (!isEmptyAssignment(revoked) && stillOwns(owned, revoked)) {
    return { ...atEpoch(member, epoch), state: 'unrevoked', assigned: kept, pendingRevocation: revoked };
  }
  let isWaiting = false;
  const assigned = select(target, (topicId, partition) => {
    if (kept.get(topicId)?.has(partition) === true) return true;
    const owner = facts.ownerOf(topicId, partition);
    const isFree = owner === undefined || owner === member.memberId;
    if (!isFree) isWaiting = true;
    return isFree;
  });
  const state = isWaiting ? 'unreleased' : 'stable';
  return { ...atEpoch(member, targetEpoch), state, assigned, pendingRevocation: NO_PARTITIONS };
}

/** It still has to let go of something, and now also of what it does not subscribe to any more. */
function revokeUnsubscribed(member: ConsumerMember, { changedTopicIds }: ReconcileFacts): ConsumerMember {
  if (changedTopicIds === undefined) return member;
  const kept = new Map([...member.assigned].filter(([topicId]) => changedTopicIds.has(topicId)));
  if (kept.size === member.assigned.size) return member;
  const unsubscribed = new Map([...member.assigned].filter(([topicId]) => !kept.has(topicId)));
  return { ...member, assigned: kept, pendingRevocation: unionOf(member.pendingRevocation, unsubscribed) };
}

/**
 * A step that leaves the epoch as it is makes it the previous one too: whoever is a step behind with its epoch does not know yet what it
 * has to let go of, and what it says that it has is no proof.
 */
function atEpoch(member: ConsumerMember, epoch: number): ConsumerMember {
  return { ...member, memberEpoch: epoch, previousMemberEpoch: member.memberEpoch };
}

function select(assignment: Assignment, isMeant: (topicId: string, partition: number) => boolean): Assignment {
  const selected = new Map<string, ReadonlySet<number>>();
  for (const [topicId, partitions] of assignment) {
    const some = [...partitions].filter((partition) => isMeant(topicId, partition));
    if (some.length > 0) selected.set(topicId, new Set(some));
  }
  return selected;
}

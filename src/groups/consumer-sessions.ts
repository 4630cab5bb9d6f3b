/** How long a KIP-848 member lives without being heard, and how long it may hold on to what it has to let go of. */
import type { ConsumerGroup } from './consumer-group.ts';
import { removeMember } from './consumer-leave.ts';
import type { ConsumerMember } from './consumer-member.ts';
import type { GroupHost, Now } from './group-host.ts';
import { memberKey } from './member-key.ts';

/** What the parts of KIP-848 groups share. */
export interface ConsumerContext {
  readonly host: GroupHost;
  readonly groups: Map<string, ConsumerGroup>;
}

/** The member was heard of. */
export function keepAlive(context: ConsumerContext, groupId: string, memberId: string, now: Now): void {
  const { host } = context;
  const atMs = now.nowMs + host.settings.consumerSessionTimeoutMs;
  host.schedule(sessionKey(groupId, memberId), atMs, () => removeIfThere(context, groupId, memberId));
}

/** To be called whenever the member has come a step further: a new step has its own time. */
export function awaitRevocation(context: ConsumerContext, groupId: string, member: ConsumerMember, now: Now): void {
  const { host, groups } = context;
  const { memberId, memberEpoch, rebalanceTimeoutMs } = member;
  const key = revocationKey(groupId, memberId);
  if (member.state !== 'unrevoked') {
    host.cancel(key);
    return;
  }
  host.schedule(key, now.nowMs + rebalanceTimeoutMs, () => {
    const isStillThere = groups.get(groupId)?.members.get(memberId)?.memberEpoch === memberEpoch;
    if (isStillThere) removeIfThere(context, groupId, memberId);
  });
}

export function endDeadlines({ host }: ConsumerContext, groupId: string, memberId: string): void {
  host.cancel(sessionKey(groupId, memberId));
  host.cancel(revocationKey(groupId, memberId));
}

/** Its session is over, its connection has ended, or it did not let go in time. */
export function removeIfThere(context: ConsumerContext, groupId: string, memberId: string): void {
  const group = context.groups.get(groupId);
  const member = group?.members.get(memberId);
  if (group === undefined || member === undefined) return;
  context.host.push(...removeMember(context.host, group, member));
  endDeadlines(context, groupId, memberId);
  context.host.untie(groupId, memberId);
}

function sessionKey(groupId: string, memberId: string): string {
  return `consumer-session:${memberKey(groupId, memberId)}`;
}

function revocationKey(groupId: string, memberId: string): string {
  return `consumer-revocation:${memberKey(groupId, memberId)}`;
}

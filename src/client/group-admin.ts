/** Groups as those who look after them see them: listed, described, deleted. Source: Kafka's KafkaAdminClient (4.x). */
import { DescribeGroups } from '../protocol/apis/15-describe-groups.ts';
import { ListGroups } from '../protocol/apis/16-list-groups.ts';
import { DeleteGroups } from '../protocol/apis/42-delete-groups.ts';
import { ConsumerGroupDescribe } from '../protocol/apis/69-consumer-group-describe.ts';
import { errorName, KafkaError } from '../protocol/errors.ts';
import { CONSUMER_PROTOCOL_TYPE, decodeConsumerAssignment } from '../protocol/group/consumer-protocol.ts';
import type { ResponseOf } from '../protocol/schema.ts';
import { type AdminCall, callerOf, describeCluster } from './admin.ts';
import { Backoff } from './backoff.ts';
import { type Caller, callOnce, pauseBeforeRetry, unreachable } from './call.ts';
import { ClientError, ConnectionLost } from './client-error.ts';
import { GroupCoordinator, isCoordinatorTrouble } from './group-coordinator.ts';
import { refusal } from './refusal.ts';
import { ANY_NODE } from './transport.ts';

export interface GroupAdmin extends AdminCall {
  /** All groups of a directory are kept by its one broker. */
  readonly isByDirectory: boolean;
}

export interface ListedGroup {
  readonly groupId: string;
  /** `classic` or `consumer`; empty when the broker does not tell. */
  readonly type: string;
  /** Kafka's word; empty when the broker does not tell. */
  readonly state: string;
  /** Empty for a group that has offsets and never had members. */
  readonly protocolType: string;
}

export interface GroupPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface GroupMemberDescription {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** Of a KIP-848 member; null for a classic one. */
  readonly epoch: number | null;
  readonly assignment: readonly GroupPartitions[];
}

export interface GroupDescription {
  readonly groupId: string;
  readonly type: 'classic' | 'consumer';
  readonly state: string;
  readonly protocolType: string;
  /** The assignor that the members or the broker chose; empty for a group without members. */
  readonly assignor: string;
  /** Of a KIP-848 group; null for a classic one, whose generation no broker tells. */
  readonly epoch: number | null;
  readonly members: readonly GroupMemberDescription[];
}

/** A group and the broker that keeps it, for as many calls as are made of it within one time limit. */
export interface GroupSeat {
  readonly admin: GroupAdmin;
  readonly caller: Caller;
  readonly coordinator: GroupCoordinator;
}

const CONSUMER_TYPE = 'consumer';
/** What brokers before DescribeGroups v6 say of a group that is not there. */
const DEAD = 'Dead';

/** `timeoutMs` of the admin begins to count. */
export function groupSeat(admin: GroupAdmin, groupId: string): GroupSeat {
  const { env, transport, isByDirectory } = admin;
  return {
    admin,
    caller: callerOf(admin),
    coordinator: new GroupCoordinator({ env, transport, groupId, isByDirectory }),
  };
}

/** `work`, tried again while the coordinator is not there or another one; what it throws at last is a `ClientError`. */
export async function atCoordinator<T>({ caller, coordinator }: GroupSeat, work: () => Promise<T>): Promise<T> {
  try {
    return await coordinator.persistently(caller.deadline, work);
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    if (error.errorName !== 'GROUP_ID_NOT_FOUND') throw coordinator.refused(error);
    throw new ClientError('not-found', `there is no group '${coordinator.groupId}'`, { cause: error });
  }
}

/** All groups that pass the filters (Kafka's words, whatever their case; empty: all), by name. Throws `ClientError`. */
export async function listGroups(
  admin: GroupAdmin,
  filter: { readonly states: readonly string[]; readonly types: readonly string[] } = { states: [], types: [] },
): Promise<ListedGroup[]> {
  const caller = callerOf(admin);
  const nodes = admin.isByDirectory ? [ANY_NODE] : (await describeCluster(admin)).brokers.map(({ id }) => id);
  const lists: ListedGroup[][] = [];
  for (const node of nodes) lists.push(await listGroupsOf(caller, node));
  const byId = new Map(lists.flat().map((group) => [group.groupId, group]));
  // Filtered here: brokers before v4 and v5 could not.
  const states = new Set(filter.states.map((word) => word.toLowerCase()));
  const types = new Set(filter.types.map((word) => word.toLowerCase()));
  return [...byId.values()]
    .filter(({ state }) => states.size === 0 || states.has(state.toLowerCase()))
    .filter(({ type }) => types.size === 0 || types.has(type.toLowerCase()))
    .sort((left, right) => (left.groupId < right.groupId ? -1 : 1));
}

/** `not-found` for a group that is not there. */
export async function describeGroup(admin: GroupAdmin, groupId: string): Promise<GroupDescription> {
  const seat = groupSeat(admin, groupId);
  return await atCoordinator(seat, async () => (await describeConsumer(seat)) ?? (await describeClassic(seat)));
}

/** As `describeGroup`, but undefined for a group that is not there. */
export async function findGroup(admin: GroupAdmin, groupId: string): Promise<GroupDescription | undefined> {
  try {
    return await describeGroup(admin, groupId);
  } catch (error) {
    if (error instanceof ClientError && error.kind === 'not-found') return undefined;
    throw error;
  }
}

/** With its offsets. `not-found`, and `conflict` while it has members. */
export async function deleteGroup(admin: GroupAdmin, groupId: string): Promise<void> {
  const seat = groupSeat(admin, groupId);
  let isAnswerLost = false;
  await atCoordinator(seat, async () => {
    const timeoutMs = seat.caller.deadline.attemptMs();
    try {
      const message = { groupsNames: [groupId] };
      const answer = await seat.coordinator.request(DeleteGroups, Infinity, () => message, timeoutMs, 'data');
      const code = answer.results[0]?.errorCode ?? 0;
      if (isAnswerLost && errorName(code) === 'GROUP_ID_NOT_FOUND') return;
      seat.coordinator.check(code);
    } catch (error) {
      isAnswerLost ||= error instanceof ConnectionLost;
      throw error;
    }
  });
}

async function listGroupsOf(caller: Caller, node: number): Promise<ListedGroup[]> {
  const backoff = new Backoff(caller.env.random);
  for (;;) {
    try {
      const answer = await callOnce(caller, node, ListGroups, { statesFilter: [], typesFilter: [] });
      const name = errorName(answer.errorCode);
      if (name === 'NONE') return answer.groups.map(toListed);
      const refused = refusal(answer.errorCode, 'the groups');
      if (!isCoordinatorTrouble(name)) throw refused;
      await pauseBeforeRetry(caller, backoff, refused);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      await pauseBeforeRetry(caller, backoff, unreachable(error));
    }
  }
}

function toListed(group: ResponseOf<typeof ListGroups>['groups'][number]): ListedGroup {
  const { groupId, groupType, groupState, protocolType } = group;
  return { groupId, type: groupType.toLowerCase(), state: groupState, protocolType };
}

/** undefined when it is no KIP-848 group, or the broker knows none. */
async function describeConsumer({ caller, coordinator }: GroupSeat): Promise<GroupDescription | undefined> {
  const timeoutMs = caller.deadline.attemptMs();
  if (!(await coordinator.offers(ConsumerGroupDescribe, timeoutMs))) return undefined;
  const message = { groupIds: [coordinator.groupId], includeAuthorizedOperations: false };
  const answer = await coordinator.request(ConsumerGroupDescribe, Infinity, () => message, timeoutMs, 'data');
  const [group] = answer.groups;
  if (group === undefined) return undefined;
  const name = errorName(group.errorCode);
  if (name === 'GROUP_ID_NOT_FOUND' || name === 'UNSUPPORTED_VERSION') return undefined;
  coordinator.check(group.errorCode);
  return {
    groupId: group.groupId,
    type: CONSUMER_TYPE,
    state: group.groupState,
    protocolType: CONSUMER_PROTOCOL_TYPE,
    assignor: group.assignorName,
    epoch: group.groupEpoch,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      epoch: member.memberEpoch,
      assignment: member.assignment.topicPartitions.map(({ topicName, partitions }) => ({
        topic: topicName,
        partitions,
      })),
    })),
  };
}

async function describeClassic({ caller, coordinator }: GroupSeat): Promise<GroupDescription> {
  const message = { groups: [coordinator.groupId], includeAuthorizedOperations: false };
  const timeoutMs = caller.deadline.attemptMs();
  const answer = await coordinator.request(DescribeGroups, Infinity, () => message, timeoutMs, 'data');
  const [group] = answer.groups;
  if (group === undefined || group.groupState === DEAD) throw new KafkaError('GROUP_ID_NOT_FOUND');
  coordinator.check(group.errorCode);
  return {
    groupId: group.groupId,
    type: 'classic',
    state: group.groupState,
    protocolType: group.protocolType,
    assignor: group.protocolData,
    epoch: null,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      epoch: null,
      assignment:
        group.protocolType === CONSUMER_PROTOCOL_TYPE
          ? (decodeConsumerAssignment(member.memberAssignment)?.assignedPartitions ?? [])
          : [],
    })),
  };
}

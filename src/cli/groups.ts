/** `streamctl groups list|describe|members` */
import { type GroupMemberDescription, listGroups } from '../client/group-admin.ts';
import { type GroupLag, groupLag, type PartitionLag } from '../client/group-offsets-lag.ts';
import { documentOf, forEachName, printDocument } from './document.ts';
import type { ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import { cell, checkGroupNames, withGroupAdmin } from './groups-admin.ts';
import type { Host } from './host.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';

export interface GroupFilter {
  readonly states: readonly string[];
  readonly types: readonly string[];
}

interface DescribedPartition extends Omit<PartitionLag, 'member' | 'lagMs'> {
  readonly memberId: string | null;
  readonly clientId: string | null;
  readonly clientHost: string | null;
}

interface DescribedGroup {
  readonly groupId: string;
  readonly type: string;
  readonly state: string;
  readonly protocolType: string;
  readonly assignor: string;
  readonly epoch: number | null;
  readonly members: readonly GroupMemberDescription[];
  readonly partitions: readonly DescribedPartition[];
}

export async function runGroupsList(host: Host, common: CommonOptions, filter: GroupFilter): Promise<ExitCode> {
  const items = await withGroupAdmin(host, common, (admin) => listGroups(admin, filter));
  return printDocument(host, common, documentOf('groups.list', items), (groups, style) =>
    table(
      ['GROUP', 'TYPE', 'STATE', 'PROTOCOL'],
      groups.map(({ groupId, type, state, protocolType }) => [groupId, cell(type), cell(state), cell(protocolType)]),
      style,
    ),
  );
}

export async function runGroupsDescribe(
  host: Host,
  common: CommonOptions,
  names: readonly string[],
): Promise<ExitCode> {
  return runOnGroups(host, common, names, 'groups.describe', describedText);
}

export async function runGroupsMembers(host: Host, common: CommonOptions, names: readonly string[]): Promise<ExitCode> {
  return runOnGroups(host, common, names, 'groups.members', membersText);
}

async function runOnGroups(
  host: Host,
  common: CommonOptions,
  names: readonly string[],
  kind: string,
  text: (group: DescribedGroup, style: Style) => string,
): Promise<ExitCode> {
  checkGroupNames(names);
  const items: DescribedGroup[] = [];
  const errors = await withGroupAdmin(host, common, (admin) =>
    forEachName(new Set(names), async (name) => {
      items.push(described(await groupLag(admin, name, { times: false })));
    }),
  );
  return printDocument(host, common, documentOf(kind, items, errors), (groups, style) =>
    groups.map((group) => text(group, style)).join('\n'),
  );
}

function described({ group, partitions }: GroupLag): DescribedGroup {
  return {
    ...group,
    partitions: partitions.map(({ member, lagMs: _, ...rest }) => ({
      ...rest,
      memberId: member?.memberId ?? null,
      clientId: member?.clientId ?? null,
      clientHost: member?.clientHost ?? null,
    })),
  };
}

function describedText(group: DescribedGroup, style: Style): string {
  if (group.partitions.length === 0) return headText(group, style);
  const isOdd = group.partitions.some(({ problem }) => problem !== null);
  const rows = group.partitions.map((partition) => [
    group.groupId,
    partition.topic,
    String(partition.partition),
    cell(partition.committedOffset),
    cell(partition.logEndOffset),
    cell(partition.lag),
    cell(partition.memberId),
    cell(partition.clientHost),
    cell(partition.clientId),
    ...(isOdd ? [cell(partition.problem)] : []),
  ]);
  const columns = [
    'GROUP',
    'TOPIC',
    'PARTITION',
    'CURRENT-OFFSET',
    'LOG-END-OFFSET',
    'LAG',
    'CONSUMER-ID',
    'HOST',
    'CLIENT-ID',
    ...(isOdd ? ['PROBLEM'] : []),
  ];
  return `${headText(group, style)}${table(columns, rows, style)}`;
}

function headText(group: DescribedGroup, style: Style): string {
  const facts = [`${group.type}, ${group.state}, ${group.members.length} member(s)`];
  if (group.assignor !== '') facts.push(`assignor ${group.assignor}`);
  if (group.epoch !== null) facts.push(`epoch ${group.epoch}`);
  return `${style.heading(group.groupId)}  ${style.quiet(facts.join(', '))}\n`;
}

function membersText(group: DescribedGroup, style: Style): string {
  if (group.members.length === 0) return headText(group, style);
  const rows = group.members.map((member) => [
    group.groupId,
    member.memberId,
    cell(member.instanceId),
    member.clientHost,
    member.clientId,
    String(member.assignment.reduce((count, { partitions }) => count + partitions.length, 0)),
    cell(member.assignment.map(({ topic, partitions }) => `${topic}(${partitions.join(',')})`).join(' ')),
  ]);
  const columns = ['GROUP', 'CONSUMER-ID', 'GROUP-INSTANCE-ID', 'HOST', 'CLIENT-ID', '#PARTITIONS', 'ASSIGNMENT'];
  return `${headText(group, style)}${table(columns, rows, style)}`;
}

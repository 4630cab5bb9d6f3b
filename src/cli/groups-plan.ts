/** What a command will change of a group's offsets: shown first, then done or not (R19). */
import type { GroupAdmin, GroupDescription } from '../client/group-admin.ts';
import { type GroupPartition, partitionKey } from '../client/group-offsets.ts';
import { byPlace, type CommittedOffset, fetchGroupOffsets, storeGroupOffsets } from '../client/group-offsets-admin.ts';
import { CliError, usageError } from './cli-error.ts';
import { documentOf, type ItemError, itemError, printDocument } from './document.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import { cell } from './groups-admin.ts';
import type { Host } from './host.ts';
import { printable } from './printable.ts';
import { table } from './table.ts';

/** One partition of a group, before and after. */
export interface OffsetChange extends GroupPartition {
  readonly groupId: string;
  /** null: nothing is committed. */
  readonly from: number | null;
  /** null: to be removed. */
  readonly to: number | null;
  readonly done: boolean;
}

export interface PlannedOffsets {
  readonly groupId: string;
  readonly offsets: readonly CommittedOffset[];
}

/** Throws CliError 8 while the group has members: they would commit over it. */
export function refuseMembers(group: GroupDescription | undefined): void {
  if (group === undefined || (group.state === 'Empty' && group.members.length === 0)) return;
  throw new CliError(
    EXIT.conflict,
    `group '${group.groupId}' has members (it is ${group.state}); stop them first, streamctl groups members shows them`,
  );
}

export async function changesOf(admin: GroupAdmin, { groupId, offsets }: PlannedOffsets): Promise<OffsetChange[]> {
  const committed = new Map(
    (await fetchGroupOffsets(admin, groupId)).map((found) => [partitionKey(found), found.offset]),
  );
  return [...offsets].sort(byPlace).map(({ topic, partition, offset }) => ({
    groupId,
    topic,
    partition,
    from: committed.get(partitionKey({ topic, partition })) ?? null,
    to: offset,
    done: false,
  }));
}

/** Commits; answers the changes with what became of them. */
export async function carryOut(
  admin: GroupAdmin,
  { groupId, offsets }: PlannedOffsets,
  changes: readonly OffsetChange[],
): Promise<{ readonly items: OffsetChange[]; readonly errors: ItemError[] }> {
  const failures = await storeGroupOffsets(admin, groupId, offsets);
  return settled(changes, failures);
}

export function settled(
  changes: readonly OffsetChange[],
  failures: readonly (GroupPartition & { readonly error: Error })[],
): { readonly items: OffsetChange[]; readonly errors: ItemError[] } {
  const failed = new Set(failures.map(partitionKey));
  return {
    items: changes.filter((change) => !failed.has(partitionKey(change))).map((change) => ({ ...change, done: true })),
    errors: failures.map((failure) => itemError(`${failure.topic}:${failure.partition}`, failure.error)),
  };
}

export function printChanges(
  host: Host,
  common: CommonOptions,
  kind: string,
  items: readonly OffsetChange[],
  errors: readonly ItemError[] = [],
): Promise<ExitCode> {
  return printDocument(host, common, documentOf(kind, items, errors), (changes, style) => {
    if (changes.length === 0) return '';
    return table(
      ['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'NEW-OFFSET'],
      changes.map(({ groupId, topic, partition, from, to }) => [
        groupId,
        topic,
        String(partition),
        cell(from),
        cell(to),
      ]),
      style,
    );
  });
}

/**
 * Whether to go on with what cannot be taken back. Asks on a terminal, and shows `plan` there; without one throws a usage error that says how
 * to agree beforehand.
 */
export async function consent(host: Host, yes: boolean, plan: readonly string[]): Promise<boolean> {
  if (yes) return true;
  if (!host.isTerminal(0) || !host.isTerminal(2)) {
    throw usageError(`${printable(plan.join('; '))}: nobody is there to be asked; add --yes, or --dry-run to see it`);
  }
  for (const line of plan) host.stdio.note(line);
  host.stdio.note('Go on? [y/N]');
  const input = await host.openInput('-');
  try {
    const answer = Buffer.alloc(256);
    const length = await input.read(answer);
    return /^y(es)?\s*$/i.test(answer.toString('utf8', 0, length));
  } finally {
    await input.close();
  }
}

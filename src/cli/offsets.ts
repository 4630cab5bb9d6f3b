/** `streamctl offsets get|set|export|import|delete` */

import { callerOf } from '../client/admin.ts';
import type { OffsetSpec } from '../client/consumer.ts';
import { describeGroup, findGroup, type GroupAdmin, listGroups } from '../client/group-admin.ts';
import { partitionKey } from '../client/group-offsets.ts';
import { type CommittedOffset, deleteGroupOffsets, fetchGroupOffsets } from '../client/group-offsets-admin.ts';
import { logRanges } from '../client/group-offsets-lag.ts';
import { offsetsOf } from '../client/offsets.ts';
import { CliError, usageError } from './cli-error.ts';
import { documentOf, forEachName, type ItemError, noteSome, printDocument } from './document.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import { checkGroupNames, withGroupAdmin } from './groups-admin.ts';
import {
  carryOut,
  changesOf,
  consent,
  type OffsetChange,
  type PlannedOffsets,
  printChanges,
  refuseMembers,
  settled,
} from './groups-plan.ts';
import type { Host } from './host.ts';
import { offsetLine, readOffsetLines } from './offsets-lines.ts';
import { chosenPartitions, isChosen, type PlaceChoice } from './offsets-places.ts';
import { printableJson } from './printable.ts';

export interface ChangeOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
}

interface ExportedOffset extends CommittedOffset {
  readonly group: string;
}

/** What groups have committed; without names all groups. */
export async function runOffsetsExport(
  host: Host,
  common: CommonOptions,
  kind: 'offsets.get' | 'offsets.export',
  { groups, places }: { readonly groups: readonly string[]; readonly places: readonly PlaceChoice[] },
): Promise<ExitCode> {
  checkGroupNames(groups);
  const items: ExportedOffset[] = [];
  const errors = await withGroupAdmin(host, common, async (admin) => {
    const isAll = groups.length === 0;
    const names = isAll ? (await listGroups(admin)).map(({ groupId }) => groupId) : groups;
    return forEachName(new Set(names), async (group) => {
      const offsets = await fetchGroupOffsets(admin, group);
      if (offsets.length === 0 && !isAll) await describeGroup(admin, group);
      items.push(...offsets.filter((place) => isChosen(places, place)).map((offset) => ({ group, ...offset })));
    });
  });
  return printDocument(host, common, documentOf(kind, items, errors), () =>
    lines(items.map((item) => offsetLine(item.group, item))),
  );
}

/** Places in the logs themselves, of no group. */
export async function runOffsetsAt(
  host: Host,
  common: CommonOptions,
  { places, at }: { readonly places: readonly PlaceChoice[]; readonly at: OffsetSpec },
): Promise<ExitCode> {
  if (places.length === 0) throw usageError('give a group, or topics with --topic');
  const items = await withGroupAdmin(host, common, async (admin) => {
    const chosen = await chosenPartitions(admin, places);
    const known = [...(await logRanges(admin, chosen)).values()].filter(({ leader }) => leader >= 0);
    const offsets = await offsetsOf(callerOf(admin), known, at, 'read_uncommitted');
    return known.map(({ topic, partition }, index) => ({ topic, partition, offset: offsets[index] ?? 0 }));
  });
  return printDocument(host, common, documentOf('offsets.get', items), () => lines(items.map(printableJson)));
}

/** `texts`: TOPIC:PARTITION=OFFSET each. */
export async function runOffsetsSet(
  host: Host,
  common: CommonOptions,
  command: ChangeOptions & { readonly groupId: string; readonly texts: readonly string[] },
): Promise<ExitCode> {
  const { groupId, texts } = command;
  checkGroupNames([groupId]);
  const offsets = texts.map(parseAssignment);
  if (new Set(offsets.map(partitionKey)).size < offsets.length) throw usageError('a partition stands there twice');
  return store(host, common, 'offsets.set', command, [{ groupId, offsets }]);
}

/** `group` wins over what the lines say; undefined: each line says it. */
export async function runOffsetsImport(
  host: Host,
  common: CommonOptions,
  command: ChangeOptions & { readonly path: string; readonly group: string | undefined },
): Promise<ExitCode> {
  const { path, group } = command;
  if (group !== undefined) checkGroupNames([group]);
  const byGroup = new Map<string, Map<string, CommittedOffset>>();
  for (const { group: own, ...offset } of await readOffsetLines(host, path)) {
    const name = group ?? own;
    if (name === undefined) throw usageError('there are lines that name no group; give it with --for-group');
    const found = byGroup.get(name) ?? new Map<string, CommittedOffset>();
    const key = partitionKey(offset);
    if (found.has(key)) {
      throw usageError(`--for-group: '${path}' has offsets of ${offset.topic}:${offset.partition} of several groups`);
    }
    byGroup.set(name, found.set(key, offset));
  }
  const plans = [...byGroup].map(([groupId, offsets]) => ({ groupId, offsets: [...offsets.values()] }));
  return store(host, common, 'offsets.import', command, plans);
}

/** Takes offsets of topics away from a group; it must not be subscribed to them. */
export async function runOffsetsDelete(
  host: Host,
  common: CommonOptions,
  command: ChangeOptions & { readonly groupId: string; readonly places: readonly PlaceChoice[] },
): Promise<ExitCode> {
  const { groupId, places, dryRun, yes } = command;
  checkGroupNames([groupId]);
  if (places.length === 0) throw usageError('give --topic; streamctl groups delete takes a whole group away');
  return withGroupAdmin(host, common, async (admin) => {
    await describeGroup(admin, groupId);
    const doomed = (await fetchGroupOffsets(admin, groupId)).filter((place) => isChosen(places, place));
    if (doomed.length === 0) throw new CliError(EXIT.notFound, `group '${groupId}' has no offsets there`);
    const changes = doomed.map(({ topic, partition, offset }) => {
      return { groupId, topic, partition, from: offset, to: null, done: false };
    });
    if (dryRun) return printChanges(host, common, 'offsets.delete', changes);
    if (!(await consent(host, yes, [`${doomed.length} offset(s) of group '${groupId}' are deleted`])))
      return EXIT.unmet;
    const { items, errors } = settled(changes, await deleteGroupOffsets(admin, groupId, doomed));
    return printChanges(host, common, 'offsets.delete', items, errors);
  });
}

async function store(
  host: Host,
  common: CommonOptions,
  kind: string,
  { dryRun, yes }: ChangeOptions,
  plans: readonly PlannedOffsets[],
): Promise<ExitCode> {
  return withGroupAdmin(host, common, async (admin) => {
    const ready: { readonly plan: PlannedOffsets; readonly changes: readonly OffsetChange[] }[] = [];
    const errors: ItemError[] = [];
    const outside: string[] = [];
    for (const { groupId, offsets } of plans) {
      refuseMembers(await findGroup(admin, groupId));
      const there = await existing(admin, offsets, { errors, outside });
      const plan = { groupId, offsets: there };
      ready.push({ plan, changes: await changesOf(admin, plan) });
    }
    if (!common.quiet) noteSome(host, outside);
    const changes = ready.flatMap((group) => group.changes);
    if (dryRun) return printChanges(host, common, kind, changes, errors);
    const moved = changes.filter(({ from, to }) => from !== null && from !== to).length;
    if (moved > 0 && !(await consent(host, yes, [`${moved} committed offset(s) are moved`]))) return EXIT.unmet;
    const items: OffsetChange[] = [];
    for (const { plan, changes: planned } of ready) {
      const done = await carryOut(admin, plan, planned);
      items.push(...done.items);
      errors.push(...done.errors);
    }
    return printChanges(host, common, kind, items, errors);
  });
}

/** Those whose partition is there; what is outside its log is stored as it was given, and to be told. */
async function existing(
  admin: GroupAdmin,
  offsets: readonly CommittedOffset[],
  { errors, outside }: { readonly errors: ItemError[]; readonly outside: string[] },
): Promise<CommittedOffset[]> {
  const known = await logRanges(admin, offsets);
  return offsets.filter(({ topic, partition, offset }) => {
    const found = known.get(partitionKey({ topic, partition }));
    const item = `${topic}:${partition}`;
    if (found === undefined) {
      errors.push({
        item,
        message: `there is no topic '${topic}' with a partition ${partition}`,
        exitCode: EXIT.notFound,
      });
      return false;
    }
    const { range } = found;
    if (range !== undefined && (offset < range.start || offset > range.end)) {
      outside.push(`${item}: offset ${offset} is not in the log, which holds ${range.start} to ${range.end}`);
    }
    return true;
  });
}

function parseAssignment(text: string): CommittedOffset {
  const match = /^(.+):(\d{1,10})=(\d+)$/.exec(text);
  const [, topic = '', partition, digits] = match ?? [];
  const offset = Number(digits);
  if (match === null || !Number.isSafeInteger(offset)) {
    throw usageError(`'${text}' sets nothing; write TOPIC:PARTITION=OFFSET, such as logs:0=42`);
  }
  return { topic, partition: Number(partition), offset, leaderEpoch: -1, metadata: '' };
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}

/** `streamctl groups reset|create|clone`: a group's offsets are moved, made, copied. */
import { callerOf } from '../client/admin.ts';
import type { OffsetSpec } from '../client/consumer.ts';
import { describeGroup, findGroup, type GroupAdmin } from '../client/group-admin.ts';
import { type GroupPartition, partitionKey } from '../client/group-offsets.ts';
import { type CommittedOffset, fetchGroupOffsets } from '../client/group-offsets-admin.ts';
import { type LogRange, logRanges } from '../client/group-offsets-lag.ts';
import { offsetsOf } from '../client/offsets.ts';
import { CliError, usageError } from './cli-error.ts';
import { type ItemError, noteSome } from './document.ts';
import { durationMsOf } from './duration.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import { checkGroupNames, withGroupAdmin } from './groups-admin.ts';
import { carryOut, changesOf, consent, printChanges, refuseMembers } from './groups-plan.ts';
import type { Host } from './host.ts';
import { parseOffsetSpec } from './offset-spec.ts';
import { readOffsetLines } from './offsets-lines.ts';
import { chosenPartitions, isChosen, type PlaceChoice } from './offsets-places.ts';

/** Where a partition's offset is to go. */
export type ResetGoal =
  | OffsetSpec
  /** Where it is, inside the log. */
  | { readonly kind: 'current' }
  /** So many records on, or back. */
  | { readonly kind: 'shift'; readonly count: number }
  | { readonly kind: 'group'; readonly groupId: string }
  | { readonly kind: 'file'; readonly path: string };

export interface ResetCommand {
  readonly groupId: string;
  readonly goal: ResetGoal;
  /** Empty: all that the group has committed, or the goal's group or file names. */
  readonly places: readonly PlaceChoice[];
  readonly execute: boolean;
}

export interface CloneCommand {
  readonly from: string;
  readonly to: string;
  readonly places: readonly PlaceChoice[];
  readonly overwrite: boolean;
  readonly dryRun: boolean;
}

export interface CreateCommand {
  readonly groupId: string;
  readonly goal: ResetGoal;
  readonly places: readonly PlaceChoice[];
  readonly ifNotExists: boolean;
  readonly dryRun: boolean;
}

/** Exactly one of `--to` and `--by`; throws a usage error. */
export function parseGoal(to: string | undefined, by: string | undefined, nowMs: number): ResetGoal {
  if ((to === undefined) === (by === undefined)) throw usageError('give --to or --by, and not both');
  if (by !== undefined) return parseShift(by, nowMs);
  const text = to ?? '';
  if (text === 'current') return { kind: 'current' };
  if (text.startsWith('group:')) {
    if (text.length === 6) throw usageError('--to: group: lacks the name of a group');
    return { kind: 'group', groupId: text.slice(6) };
  }
  if (text.startsWith('file:')) {
    if (text.length === 5) throw usageError('--to: file: lacks the path of a file; - is standard input');
    return { kind: 'file', path: text.slice(5) };
  }
  return parseOffsetSpec(text, nowMs, '--to');
}

export async function runGroupsReset(host: Host, common: CommonOptions, command: ResetCommand): Promise<ExitCode> {
  const { groupId, execute } = command;
  checkGroupNames([groupId]);
  return withGroupAdmin(host, common, async (admin) => {
    const group = await findGroup(admin, groupId);
    if (group === undefined && command.places.length === 0 && !isWithPlaces(command.goal)) {
      throw new CliError(EXIT.notFound, `there is no group '${groupId}'; name its topics with --topic to make it`);
    }
    refuseMembers(group);
    const { offsets, errors } = await targets(host, common, admin, command);
    if (offsets.length === 0 && errors.length === 0) {
      throw new CliError(EXIT.notFound, `group '${groupId}' has no offsets to be reset; name topics with --topic`);
    }
    const changes = await changesOf(admin, { groupId, offsets });
    if (!execute) {
      const exitCode = await printChanges(host, common, 'groups.reset', changes, errors);
      if (!common.quiet) host.stdio.note('streamctl groups reset: nothing was done; add --execute to do it');
      return exitCode;
    }
    const done = await carryOut(admin, { groupId, offsets }, changes);
    return printChanges(host, common, 'groups.reset', done.items, [...errors, ...done.errors]);
  });
}

export async function runGroupsCreate(host: Host, common: CommonOptions, command: CreateCommand): Promise<ExitCode> {
  const { groupId, goal, places, ifNotExists, dryRun } = command;
  checkGroupNames([groupId]);
  if (places.length === 0 && !isWithPlaces(goal)) throw usageError('name the topics of the new group with --topic');
  return withGroupAdmin(host, common, async (admin) => {
    if ((await findGroup(admin, groupId)) !== undefined) {
      if (!ifNotExists) throw new CliError(EXIT.conflict, `there is a group '${groupId}' already`);
      if (!common.quiet) host.stdio.note(`there is a group ${groupId} already`);
      return printChanges(host, common, 'groups.create', []);
    }
    const { offsets, errors } = await targets(host, common, admin, command);
    const changes = await changesOf(admin, { groupId, offsets });
    if (dryRun) return printChanges(host, common, 'groups.create', changes, errors);
    const done = await carryOut(admin, { groupId, offsets }, changes);
    return printChanges(host, common, 'groups.create', done.items, [...errors, ...done.errors]);
  });
}

/** Offsets beyond the log's bounds are copied as they are: the copy is in the place of the original. */
export async function runGroupsClone(
  host: Host,
  common: CommonOptions,
  command: CloneCommand & { readonly yes: boolean },
): Promise<ExitCode> {
  const { from, to, places, overwrite, dryRun, yes } = command;
  checkGroupNames([from, to]);
  if (from === to) throw usageError('a group cannot be cloned to itself');
  return withGroupAdmin(host, common, async (admin) => {
    await describeGroup(admin, from);
    const there = await findGroup(admin, to);
    if (there !== undefined && !overwrite) {
      throw new CliError(EXIT.conflict, `there is a group '${to}' already; --overwrite moves its offsets`);
    }
    refuseMembers(there);
    const offsets = (await fetchGroupOffsets(admin, from)).filter((place) => isChosen(places, place));
    if (offsets.length === 0) throw new CliError(EXIT.notFound, `group '${from}' has no offsets to be copied`);
    const changes = await changesOf(admin, { groupId: to, offsets });
    if (dryRun) return printChanges(host, common, 'groups.clone', changes);
    const moved = changes.filter((change) => change.from !== null && change.from !== change.to).length;
    if (moved > 0 && !(await consent(host, yes, [`${moved} offset(s) of group '${to}' are moved`]))) return EXIT.unmet;
    const done = await carryOut(admin, { groupId: to, offsets }, changes);
    return printChanges(host, common, 'groups.clone', done.items, done.errors);
  });
}

/** `10`, `-10` records, or a duration back from now (`2h`), as kafka-consumer-groups --shift-by and --by-duration. */
function parseShift(text: string, nowMs: number): ResetGoal {
  const count = /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
  if (count !== undefined && Number.isSafeInteger(count)) return { kind: 'shift', count };
  const agoMs = count === undefined ? durationMsOf(text) : undefined;
  if (agoMs === undefined) {
    throw usageError(`--by: '${text}' is neither a number of records (10, -10) nor a duration back from now (90s, 2h)`);
  }
  return { kind: 'time', timestampMs: BigInt(Math.max(0, nowMs - agoMs)) };
}

function isWithPlaces({ kind }: ResetGoal): boolean {
  return kind === 'group' || kind === 'file';
}

interface Targets {
  readonly offsets: CommittedOffset[];
  readonly errors: ItemError[];
}

/** Where each partition goes; those that cannot go anywhere are errors of their own. */
async function targets(
  host: Host,
  common: CommonOptions,
  admin: GroupAdmin,
  { groupId, goal, places }: Pick<ResetCommand, 'groupId' | 'goal' | 'places'>,
): Promise<Targets> {
  const current = await fetchGroupOffsets(admin, groupId);
  const given = await givenOffsets(host, admin, goal, groupId);
  const source = (given ?? current).filter((place) => isChosen(places, place));
  const isByName = given === undefined && places.length > 0;
  const wanted: GroupPartition[] = isByName ? await chosenPartitions(admin, places) : source;
  const known = await logRanges(admin, wanted);
  const errors: ItemError[] = [];
  const there = wanted.flatMap((place) => {
    const found = known.get(partitionKey(place));
    if (found?.range !== undefined) return [{ ...found, range: found.range }];
    errors.push(absent(place, found !== undefined));
    return [];
  });
  const by = new Map((given ?? current).map((offset) => [partitionKey(offset), offset]));
  const aims = await aimsOf(admin, there, goal, by);
  const offsets: CommittedOffset[] = [];
  const moved: string[] = [];
  for (const [index, place] of there.entries()) {
    const aim = aims[index];
    if (aim === undefined) {
      const what = `${place.topic}:${place.partition}`;
      errors.push({
        item: what,
        message: `group '${groupId}' has no offset of ${what} to go from`,
        exitCode: EXIT.notFound,
      });
      continue;
    }
    const offset = Math.min(Math.max(aim.offset, place.range.start), place.range.end);
    offsets.push(offset === aim.offset ? aim : { ...aim, offset, leaderEpoch: -1 });
    if (offset !== aim.offset) moved.push(movedText(place, aim.offset, offset));
  }
  if (!common.quiet) noteSome(host, moved);
  return { offsets, errors };
}

/** undefined where the goal is a place in each log. */
async function givenOffsets(
  host: Host,
  admin: GroupAdmin,
  goal: ResetGoal,
  groupId: string,
): Promise<CommittedOffset[] | undefined> {
  if (goal.kind === 'group') {
    await describeGroup(admin, goal.groupId);
    return fetchGroupOffsets(admin, goal.groupId);
  }
  if (goal.kind !== 'file') return undefined;
  const lines = await readOffsetLines(host, goal.path);
  const groups = new Set(lines.map(({ group }) => group).filter((group) => group !== undefined));
  // A file of one group may be of another one: that is how offsets are carried over.
  const own = groups.size > 1 ? lines.filter(({ group }) => group === undefined || group === groupId) : lines;
  if (own.length === 0) {
    const name = goal.path === '-' ? 'standard input' : goal.path;
    throw new CliError(EXIT.notFound, `${name} has no offsets of group '${groupId}'`);
  }
  return own.map(({ group: _, ...offset }) => offset);
}

type Place = GroupPartition & { readonly leader: number; readonly range: LogRange };

async function aimsOf(
  admin: GroupAdmin,
  places: readonly Place[],
  goal: ResetGoal,
  given: ReadonlyMap<string, CommittedOffset>,
): Promise<(CommittedOffset | undefined)[]> {
  if (goal.kind === 'current' || isWithPlaces(goal)) return places.map((place) => given.get(partitionKey(place)));
  const at = (place: Place, offset: number): CommittedOffset => {
    const { topic, partition } = place;
    return { topic, partition, offset, leaderEpoch: -1, metadata: '' };
  };
  if (goal.kind === 'shift') {
    return places.map((place) => {
      const from = given.get(partitionKey(place));
      return from && at(place, from.offset + goal.count);
    });
  }
  if (goal.kind === 'group' || goal.kind === 'file') return [];
  const offsets = await offsetsOf(callerOf(admin), places, goal, 'read_uncommitted');
  return places.map((place, index) => at(place, offsets[index] ?? place.range.start));
}

/** Goals are kept inside the log, as kafka-consumer-groups does it. */
function movedText({ topic, partition, range }: Place, goal: number, offset: number): string {
  return `${topic}:${partition}: offset ${goal} is not in the log, which holds ${range.start} to ${range.end}; it will be ${offset}`;
}

function absent({ topic, partition }: GroupPartition, isThere: boolean): ItemError {
  return isThere
    ? {
        item: `${topic}:${partition}`,
        message: `topic '${topic}' partition ${partition} has no leader now`,
        exitCode: EXIT.unreachable,
      }
    : {
        item: `${topic}:${partition}`,
        message: `there is no topic '${topic}' with a partition ${partition}`,
        exitCode: EXIT.notFound,
      };
}

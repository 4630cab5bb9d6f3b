/** `streamctl groups lag|wait|watch` */

import { ClientError } from '../client/client-error.ts';
import { findGroup, type GroupAdmin, listGroups } from '../client/group-admin.ts';
import { groupLag } from '../client/group-offsets-lag.ts';
import { usageError } from './cli-error.ts';
import { documentOf, forEachName, printDocument } from './document.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import { cell, checkGroupNames, secondsCell, withGroupAdmin } from './groups-admin.ts';
import type { Host } from './host.ts';
import { type Interruption, listenForInterruption } from './interrupt.ts';
import { isWithin, type LagSummary, lagSummary } from './lag-summary.ts';
import { printable, printableJson } from './printable.ts';
import type { Style } from './style.ts';
import { oneCell, table } from './table.ts';

/** Kafka's states of classic and consumer groups (GroupState), but for those that say nothing. */
const GROUP_STATES = [
  'PreparingRebalance',
  'CompletingRebalance',
  'Assigning',
  'Reconciling',
  'Stable',
  'Empty',
  'Dead',
];

export interface LagCommand {
  /** Empty: all groups. */
  readonly groups: readonly string[];
  /** Empty: all topics. */
  readonly topics: readonly string[];
}

export interface WaitCommand extends LagCommand {
  /** undefined: lag does not matter. */
  readonly untilLag: number | undefined;
  /** Kafka's word, whatever its case; undefined: the state does not matter. */
  readonly untilState: string | undefined;
  readonly intervalMs: number;
  /** 0 = for ever. */
  readonly maxTimeMs: number;
}

export interface WatchCommand extends LagCommand {
  readonly intervalMs: number;
  /** Rounds; undefined = until a signal. */
  readonly count: number | undefined;
}

export async function runGroupsLag(host: Host, common: CommonOptions, command: LagCommand): Promise<ExitCode> {
  checkGroupNames(command.groups);
  const { items, errors } = await withGroupAdmin(host, common, (admin) => lagOfGroups(admin, command));
  return printDocument(host, common, documentOf('groups.lag', items, errors), lagText);
}

/** The lag of each group that is there, in the order asked, and an error for each that is not. */
export async function lagOfGroups(admin: GroupAdmin, command: LagCommand) {
  const isAll = command.groups.length === 0;
  const names = isAll ? (await listGroups(admin)).map(({ groupId }) => groupId) : command.groups;
  const topics = topicSet(command);
  const items: LagSummary[] = [];
  const errors = await forEachName(new Set(names), async (name) => {
    try {
      items.push(lagSummary(await groupLag(admin, name, { topics, times: true })));
    } catch (error) {
      // One that was listed may have gone since.
      if (!isAll || !(error instanceof ClientError) || error.kind !== 'not-found') throw error;
    }
  });
  return { items, errors };
}

/** 0 as soon as all groups are where they should be, 124 when the time is up before. */
export async function runGroupsWait(host: Host, common: CommonOptions, command: WaitCommand): Promise<ExitCode> {
  checkState(command.untilState);
  checkGroupNames(command.groups);
  const { clock } = host.env;
  const endMs = command.maxTimeMs === 0 ? Infinity : clock.monotonicMs() + command.maxTimeMs;
  let exitCode: ExitCode = EXIT.ok;
  return withRounds(host, common, async (admin, interruption) => {
    let items: LagSummary[] = [];
    for (;;) {
      items = await summaries(admin, command, command.untilLag !== undefined);
      if (items.every((item) => isReached(item, command))) break;
      if (clock.monotonicMs() >= endMs) {
        exitCode = EXIT.timeUp;
        break;
      }
      await pause(host, interruption, Math.min(command.intervalMs, endMs - clock.monotonicMs()));
      if (interruption.signal.aborted) return;
    }
    await printDocument(host, common, documentOf('groups.wait', items), waitText);
    if (exitCode === EXIT.timeUp) host.stdio.note('streamctl groups wait: not there yet when the time was up');
  }).then((ended) => ended ?? exitCode);
}

/** A line a group and round, until a signal comes or `count` rounds are done. */
export async function runGroupsWatch(host: Host, common: CommonOptions, command: WatchCommand): Promise<ExitCode> {
  checkGroupNames(command.groups);
  const ended = await withRounds(host, common, async (admin, interruption) => {
    for (let round = 1; !interruption.signal.aborted; round++) {
      const items = await summaries(admin, command, true, round > 1);
      const time = new Date(host.env.clock.wallMs()).toISOString();
      const lines = items.map((item) => {
        const { partitions: _, ...rest } = item;
        return common.json ? printableJson({ time, ...rest }) : printable(watchLine(command, watchCells(time, item)));
      });
      if (round === 1 && !common.json) lines.unshift(watchLine(command, WATCH_COLUMNS));
      await host.stdio.write(Buffer.from(lines.map((line) => `${line}\n`).join('')));
      if (round === command.count) return;
      await pause(host, interruption, command.intervalMs);
    }
  });
  return ended ?? EXIT.ok;
}

function topicSet({ topics }: LagCommand): ReadonlySet<string> | undefined {
  return topics.length === 0 ? undefined : new Set(topics);
}

/** Runs `work` with signals heard; answers the status that one of them comes to. */
async function withRounds(
  host: Host,
  common: CommonOptions,
  work: (admin: GroupAdmin, interruption: Interruption) => Promise<void>,
): Promise<ExitCode | undefined> {
  const interruption = listenForInterruption(host);
  try {
    await withGroupAdmin(
      host,
      common,
      (admin) => interruption.abandonable(() => work(admin, interruption)),
      interruption,
    );
    return interruption.exitCode;
  } finally {
    interruption.close();
  }
}

/** Ends early with a signal. */
async function pause(host: Host, { signal }: Interruption, durationMs: number): Promise<void> {
  if (signal.aborted) return;
  let wake: () => void = () => undefined;
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const timer = host.env.clock.timer(durationMs, wake, true);
  signal.addEventListener('abort', wake);
  await woken;
  signal.removeEventListener('abort', wake);
  timer.cancel();
}

/** One that is not there is an error, but for one that went while it was watched. */
async function summaries(
  admin: GroupAdmin,
  command: LagCommand,
  times: boolean,
  mayBeGone = false,
): Promise<LagSummary[]> {
  const items: LagSummary[] = [];
  for (const name of new Set(command.groups)) {
    if (mayBeGone && (await findGroup(admin, name)) === undefined) items.push(gone(name));
    else items.push(lagSummary(await groupLag(admin, name, { topics: topicSet(command), times })));
  }
  return items;
}

function gone(groupId: string): LagSummary {
  return { groupId, type: '', state: 'Dead', memberCount: 0, lag: null, lagMs: null, unknownCount: 0, partitions: [] };
}

/** A state that no group can be in would be waited for without end. Throws a usage error. */
function checkState(state: string | undefined): void {
  if (state === undefined || GROUP_STATES.some((known) => known.toLowerCase() === state.toLowerCase())) return;
  throw usageError(`--until-state: '${state}' is no state; write one of ${GROUP_STATES.join(', ')}`);
}

function isReached(item: LagSummary, { untilLag, untilState }: WaitCommand): boolean {
  if (untilState !== undefined && item.state.toLowerCase() !== untilState.toLowerCase()) return false;
  return untilLag === undefined || isWithin(item, untilLag);
}

function lagText(groups: readonly LagSummary[], style: Style): string {
  const isOdd = groups.some(({ partitions }) => partitions.some(({ problem }) => problem !== null));
  const rows = groups.flatMap(({ groupId, partitions }) =>
    partitions.map((partition) => [
      groupId,
      partition.topic,
      String(partition.partition),
      cell(partition.committedOffset),
      cell(partition.logEndOffset),
      cell(partition.lag),
      secondsCell(partition.lagMs),
      ...(isOdd ? [cell(partition.problem)] : []),
    ]),
  );
  const columns = ['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'LAG-SECONDS'];
  return table(isOdd ? [...columns, 'PROBLEM'] : columns, rows, style);
}

function waitText(groups: readonly LagSummary[], style: Style): string {
  return table(
    ['GROUP', 'STATE', 'MEMBERS', 'LAG'],
    groups.map(({ groupId, state, memberCount, lag }) => [groupId, state, String(memberCount), cell(lag)]),
    style,
  );
}

const WATCH_COLUMNS = ['TIME', 'GROUP', 'STATE', 'MEMBERS', 'LAG', 'LAG-SECONDS'];
const WATCH_WIDTHS = [24, 5, 19, 7, 12];

function watchCells(time: string, { groupId, state, memberCount, lag, lagMs }: LagSummary): string[] {
  return [time, oneCell(groupId), state, String(memberCount), cell(lag), secondsCell(lagMs)];
}

/** All rounds in the same columns. */
function watchLine({ groups }: LagCommand, cells: readonly string[]): string {
  const nameWidth = groups.reduce((width, name) => Math.max(width, oneCell(name).length), WATCH_WIDTHS[1] ?? 0);
  return cells.map((text, index) => text.padEnd(index === 1 ? nameWidth : (WATCH_WIDTHS[index] ?? 0))).join('  ');
}

/** `streamctl check lag`: a monitoring system's question, answered by Nagios' rules: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
import { usageError } from './cli-error.ts';
import { documentOf, type ItemError } from './document.ts';
import { durationMsOf } from './duration.ts';
import type { ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import { checkGroupNames, secondsCell, withGroupAdmin } from './groups-admin.ts';
import { lagOfGroups } from './groups-lag.ts';
import type { Host } from './host.ts';
import type { LagSummary } from './lag-summary.ts';
import { printable, printableJson } from './printable.ts';

export type ReportForm = 'nagios' | 'prometheus' | 'json';

export interface CheckLagCommand {
  /** Empty: all groups. */
  readonly groups: readonly string[];
  readonly topics: readonly string[];
  readonly warn: Thresholds;
  readonly crit: Thresholds;
  readonly form: ReportForm;
}

/** More than this is too much; undefined = any lag will do. */
export interface Thresholds {
  readonly records: number | undefined;
  readonly ms: number | undefined;
}

type Status = 'ok' | 'warning' | 'critical' | 'unknown';

interface CheckedGroup extends LagSummary {
  readonly status: Status;
  readonly reason: string;
}

const EXIT_BY_STATUS: Readonly<Record<Status, ExitCode>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };
/** The worst first: what is known to be bad is not hidden by what is not known. */
const BY_WEIGHT: readonly Status[] = ['critical', 'warning', 'unknown', 'ok'];
const COUNT = /^(\d+)(k?)$/;

/** Each a count of records (`500`, `10k`) or a duration with its unit (`90s`, `5m`). Throws a usage error. */
export function parseThresholds(texts: readonly string[], source: string): Thresholds {
  let records: number | undefined;
  let ms: number | undefined;
  for (const text of texts) {
    const count = COUNT.exec(text);
    // A number without a unit would be seconds elsewhere; here it would look like records.
    const durationMs = count === null && /[a-z]$/.test(text) ? durationMsOf(text) : undefined;
    const value = count === null ? durationMs : Number(count[1]) * (count[2] === 'k' ? 1_000 : 1);
    if (value === undefined || !Number.isSafeInteger(value)) {
      throw usageError(`${source}: '${text}' is no limit; write records as 500 or 10k, a time as 90s, 5m or 2h`);
    }
    if (count === null) ms = value;
    else records = value;
  }
  return { records, ms };
}

export async function runCheckLag(host: Host, common: CommonOptions, command: CheckLagCommand): Promise<ExitCode> {
  checkGroupNames(command.groups);
  const { items, errors } = await withGroupAdmin(host, common, (admin) => lagOfGroups(admin, command));
  const checked = items.map((item) => ({ ...item, ...judge(item, command) }));
  const status = overall(checked, errors);
  await host.stdio.write(Buffer.from(textOf(command.form, { checked, errors, status })));
  if (command.form !== 'json') for (const error of errors) host.stdio.note(`streamctl: ${error.message}`);
  return EXIT_BY_STATUS[status];
}

/** What a check says that could not be made. Where nobody can be told, the exit status still is the answer. */
export async function printUnknown(host: Host, form: ReportForm, error: ItemError): Promise<ExitCode> {
  const report: Report = { checked: [], errors: [error], status: 'unknown' };
  const isTold = await host.stdio.write(Buffer.from(textOf(form, report))).then(
    () => true,
    () => false,
  );
  if (form !== 'nagios' || !isTold) host.stdio.note(error.message);
  return EXIT_BY_STATUS.unknown;
}

interface Report {
  readonly checked: readonly CheckedGroup[];
  readonly errors: readonly ItemError[];
  readonly status: Status;
}

function judge(item: LagSummary, { warn, crit }: CheckLagCommand): { status: Status; reason: string } {
  const lag = `${item.lag ?? 'no'} records${item.lagMs === null ? '' : `, ${secondsCell(item.lagMs)} s`} behind`;
  if (isOver(item, crit)) return { status: 'critical', reason: lag };
  const lost = item.partitions.filter(({ problem }) => problem === 'before-start').length;
  if (lost > 0)
    return { status: 'warning', reason: `${lag}; records of ${lost} partition(s) went before they were read` };
  if (isOver(item, warn)) return { status: 'warning', reason: lag };
  // Who reads there is stopped by it, and the lag would be 0 for ever.
  const beyond = item.partitions.filter(({ problem }) => problem === 'beyond-end').length;
  if (beyond > 0)
    return { status: 'warning', reason: `${lag}; what is committed of ${beyond} partition(s) is not in the log` };
  if (item.lag === null) return { status: 'unknown', reason: 'nothing is committed of any topic that is there' };
  const offline = item.partitions.filter(({ problem }) => problem === 'offline').length;
  if (offline > 0) return { status: 'unknown', reason: `${lag}; ${offline} partition(s) have no leader` };
  const isTimeAsked = warn.ms !== undefined || crit.ms !== undefined;
  if (isTimeAsked && item.partitions.some(({ lag: records, lagMs }) => records && lagMs === null)) {
    return { status: 'unknown', reason: `${lag}; not all records could be asked for their time` };
  }
  return { status: 'ok', reason: lag };
}

function isOver({ lag, lagMs }: LagSummary, { records, ms }: Thresholds): boolean {
  return (records !== undefined && (lag ?? 0) > records) || (ms !== undefined && (lagMs ?? 0) > ms);
}

function overall(checked: readonly CheckedGroup[], errors: readonly ItemError[]): Status {
  const statuses = new Set<Status>(checked.map(({ status }) => status));
  if (errors.length > 0 || checked.length === 0) statuses.add('unknown');
  return BY_WEIGHT.find((status) => statuses.has(status)) ?? 'ok';
}

function textOf(form: ReportForm, { checked, errors, status }: Report): string {
  if (form === 'json') return `${printableJson({ ...documentOf('check.lag', checked, errors), status })}\n`;
  return form === 'prometheus' ? prometheusText(checked) : nagiosText({ checked, errors, status });
}

/** One line for people and `|` what graphs are drawn from, then a line a group. */
function nagiosText({ checked, errors, status }: Report): string {
  const rank = (group: { status: Status }): number => BY_WEIGHT.indexOf(group.status);
  const sorted = [...checked].sort((left, right) => rank(left) - rank(right));
  const lines = sorted.map(({ groupId, reason }) => `${plain(groupId)}: ${reason}`);
  const all = [...lines, ...errors.map(({ message }) => plain(message))];
  const head = all[0] ?? 'there are no groups';
  const more = all.length > 1 ? ` (and ${all.length - 1} more)` : '';
  const data = checked.flatMap(({ groupId, lag, lagMs }) => [
    ...(lag === null ? [] : [`'${label(groupId)}_lag'=${lag}`]),
    ...(lagMs === null ? [] : [`'${label(groupId)}_seconds'=${secondsCell(lagMs)}s`]),
  ]);
  const performance = data.length === 0 ? '' : ` | ${data.join(' ')}`;
  return [`LAG ${status.toUpperCase()} - ${head}${more}${performance}`, ...(all.length > 1 ? all : [])]
    .map((line) => `${line}\n`)
    .join('');
}

/** Nagios takes `|` for the begin of its data, and a line break for the end of the line. */
function plain(text: string): string {
  return printable(text)
    .replaceAll('|', '/')
    .replaceAll(/[\n\t]/g, ' ');
}

function label(groupId: string): string {
  return plain(groupId).replaceAll("'", "''").replaceAll('=', '_');
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** The names of kafka_exporter, so that its dashboards work, and the time beside them. */
function prometheusText(groups: readonly CheckedGroup[]): string {
  const perPartition = (value: (partition: LagSummary['partitions'][number]) => number | null): Metric['samples'] =>
    groups.flatMap(({ groupId, partitions }) =>
      partitions.flatMap((partition) => {
        const number = value(partition);
        if (number === null) return [];
        const labels = { consumergroup: groupId, topic: partition.topic, partition: String(partition.partition) };
        return [{ labels, value: number }];
      }),
    );
  const perGroup = (value: (group: CheckedGroup) => number | null): Metric['samples'] =>
    groups.flatMap((group) => {
      const number = value(group);
      return number === null ? [] : [{ labels: { consumergroup: group.groupId }, value: number }];
    });
  const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1_000);
  const metrics: Metric[] = [
    {
      name: 'kafka_consumergroup_current_offset',
      help: 'Committed offset',
      samples: perPartition(({ committedOffset }) => committedOffset),
    },
    { name: 'kafka_consumergroup_lag', help: 'Records behind', samples: perPartition(({ lag }) => lag) },
    {
      name: 'kafka_consumergroup_lag_seconds',
      help: 'Age of the first record that is not committed',
      samples: perPartition(({ lagMs }) => seconds(lagMs)),
    },
    {
      name: 'kafka_consumergroup_group_lag',
      help: 'Records behind, all partitions',
      samples: perGroup(({ lag }) => lag),
    },
    {
      name: 'kafka_consumergroup_group_lag_seconds',
      help: 'Age of the oldest record that is not committed',
      samples: perGroup(({ lagMs }) => seconds(lagMs)),
    },
    { name: 'kafka_consumergroup_members', help: 'Members', samples: perGroup(({ memberCount }) => memberCount) },
  ];
  return metrics.map(metricText).join('');
}

function metricText({ name, help, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${name}{${pairs.join(',')}} ${value}\n`;
  });
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll(/[^\P{Cc}]/gu, '?');
}

/** `streamctl topics ...` */
import {
  type AdminCall,
  type ConfigDescription,
  createTopic,
  deleteTopic,
  describeTopicConfigs,
  describeTopics,
  listTopics,
  type PartitionDescription,
} from '../client/admin.ts';
import { ClientError, type ClientErrorKind } from '../client/client-error.ts';
import { usageError } from './cli-error.ts';
import { documentOf, forEachName, printDocument } from './document.ts';
import type { ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';
import { openTarget } from './target.ts';

const RETENTION = 'retention.ms';

export interface CreateTopicCommand {
  readonly name: string;
  /** -1: the cluster's default. */
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly configs: ReadonlyMap<string, string>;
  readonly ifNotExists: boolean;
}

interface ListedTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: number;
  readonly internal: boolean;
}

interface DescribedTopic {
  readonly name: string;
  readonly topicId: string;
  readonly internal: boolean;
  readonly partitions: readonly PartitionDescription[];
  readonly configs: readonly ConfigDescription[];
}

export async function runTopicsList(host: Host, common: CommonOptions): Promise<ExitCode> {
  const topics = await withAdmin(host, common, false, listTopics);
  const items: ListedTopic[] = topics.map(({ name, topicId, partitions, internal }) => ({
    name,
    topicId,
    partitions: partitions.length,
    internal,
  }));
  return printDocument(host, common, documentOf('topics.list', items), (listed, style) =>
    table(
      ['NAME', 'PARTITIONS'],
      listed.map((topic) => [topic.name, String(topic.partitions)]),
      style,
    ),
  );
}

export async function runTopicsCreate(
  host: Host,
  common: CommonOptions,
  command: CreateTopicCommand,
): Promise<ExitCode> {
  const { name, partitions, replicationFactor, configs } = command;
  const item = await withAdmin(host, common, true, async (call) => {
    try {
      const created = await createTopic(call, { name, partitions, replicationFactor, configs });
      return { name, topicId: created.topicId, partitions: created.partitions.length, created: true };
    } catch (error) {
      if (!command.ifNotExists || !isKind(error, 'conflict')) throw error;
      const [existing] = await describeTopics(call, [name]);
      return { name, topicId: existing?.topicId, partitions: existing?.partitions.length, created: false };
    }
  });
  if (!common.json && !common.quiet) {
    host.stdio.note(`${item.created ? 'created' : 'there is already'} ${name}, ${item.partitions} partition(s)`);
  }
  return printDocument(host, common, documentOf('topics.create', [item]), () => '');
}

export async function runTopicsDelete(
  host: Host,
  common: CommonOptions,
  names: readonly string[],
  ifExists: boolean,
): Promise<ExitCode> {
  const items: { readonly name: string; readonly deleted: boolean }[] = [];
  const errors = await withAdmin(host, common, false, (call) =>
    forEachName(names, async (name) => {
      try {
        await deleteTopic(call, name);
        items.push({ name, deleted: true });
      } catch (error) {
        if (!ifExists || !isKind(error, 'not-found')) throw error;
        items.push({ name, deleted: false });
      }
    }),
  );
  if (!common.json && !common.quiet) {
    for (const { name, deleted } of items) host.stdio.note(deleted ? `deleted ${name}` : `there is no topic ${name}`);
  }
  return printDocument(host, common, documentOf('topics.delete', items, errors), () => '');
}

export async function runTopicsDescribe(
  host: Host,
  common: CommonOptions,
  names: readonly string[],
): Promise<ExitCode> {
  const items: DescribedTopic[] = [];
  const errors = await withAdmin(host, common, false, (call) =>
    forEachName(names, async (name) => {
      const [topic] = await describeTopics(call, [name]);
      if (topic !== undefined) items.push({ ...topic, configs: await describeTopicConfigs(call, name) });
    }),
  );
  return printDocument(host, common, documentOf('topics.describe', items, errors), (topics, style) =>
    topics.map((topic) => topicText(topic, style)).join('\n'),
  );
}

/** `--config NAME=VALUE`, repeatable; throws a usage error. */
export function parseConfigs(pairs: readonly string[], source: string): ReadonlyMap<string, string> {
  const configs = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at <= 0) throw usageError(`${source}: '${pair}' lacks its value; write NAME=VALUE`);
    configs.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return configs;
}

async function withAdmin<Result>(
  host: Host,
  common: CommonOptions,
  createDirectory: boolean,
  use: (call: AdminCall) => Promise<Result>,
): Promise<Result> {
  const { env } = host;
  const target = await openTarget(host, common, { command: 'topics', createDirectory });
  try {
    return await use({ env, transport: target.transport, timeoutMs: common.timeoutMs });
  } finally {
    await target.close();
  }
}

function isKind(error: unknown, kind: ClientErrorKind): boolean {
  return error instanceof ClientError && error.kind === kind;
}

function topicText(topic: DescribedTopic, style: Style): string {
  const head = `${style.heading(topic.name)}  ${style.quiet(`id ${topic.topicId}, ${topic.partitions.length} partition(s)`)}\n`;
  const partitions = topic.partitions.map((partition) => [
    String(partition.partition),
    partition.leader < 0 ? 'none' : String(partition.leader),
    String(partition.leaderEpoch),
    partition.replicas.join(','),
    partition.isr.join(','),
  ]);
  // How long records stay is told always: by default they do not stay for ever.
  const told = topic.configs.filter(({ isDefault, name }) => !isDefault || name === RETENTION);
  const configs = told.map(({ name, value, sensitive, effect }) => [
    name,
    sensitive ? '(hidden)' : (value ?? ''),
    ...(told.every((config) => config.effect) ? [] : [effect ? 'works' : 'none here']),
  ]);
  const columns = configs[0]?.length === 3 ? ['CONFIG', 'VALUE', 'EFFECT'] : ['CONFIG', 'VALUE'];
  const configTable = configs.length === 0 ? '' : table(columns, configs, style);
  return `${head}${table(['PARTITION', 'LEADER', 'EPOCH', 'REPLICAS', 'ISR'], partitions, style)}${configTable}`;
}

/**
 * The entries of the metadata log. One entry is one file `cluster/log/<20 digits>.json` (layout.ts); its number is its place
 * in the log and is in the file's name only. Every entry names its writer by broker id and broker epoch; those of the
 * controller also by controller epoch. An entry says what it expects of the state before it, and one whose epochs or
 * expectations do not hold is skipped by every reader alike (replay.ts): it was written by somebody who had been replaced.
 */
import type { ProcessFacts } from '../kernel/env.ts';
import { sealJson, unsealJson } from './checked-json.ts';
import { ClusterError } from './cluster-error.ts';
import type { Endpoint } from './cluster-image.ts';
import { FORMAT_VERSION } from './layout.ts';

export interface EntryHead {
  readonly v: typeof FORMAT_VERSION;
  /** Tells the writer, after a link() whose answer was lost, that this entry is its own. */
  readonly uuid: string;
  readonly brokerId: number;
  /** The number of the writer's registration; a registration carries its own number. */
  readonly brokerEpoch: number;
}

export interface ControllerHead extends EntryHead {
  readonly controllerEpoch: number;
}

/** `null` takes a name away, so that its default holds again. */
export type ConfigChanges = Readonly<Record<string, string | null>>;

/** A partition as it is made: the first replica leads, with leader epoch and partition epoch 0. */
export interface NewPartition {
  readonly index: number;
  readonly replicas: readonly number[];
}

/** Makes its writer the broker of that id; all that an earlier registration of the id still writes is skipped. */
export interface BrokerRegistered extends EntryHead {
  readonly type: 'broker-registered';
  readonly expects: { readonly lastNumber: number };
  readonly process: ProcessFacts;
  readonly command: string;
  readonly endpoints: readonly Endpoint[];
  /** Makes the broker the controller too; the controller epoch before it, plus one. */
  readonly claimsController?: number;
  /** The last owner of the files did not close them: raises the leader epoch of every partition that this broker leads. */
  readonly uncleanClose: boolean;
  /** The broker's log directory was there, and its name durable. */
  readonly hasLogs?: true;
}

export interface TopicCreated extends ControllerHead {
  readonly type: 'topic-created';
  readonly name: string;
  readonly topicId: string;
  readonly configs: Readonly<Record<string, string>>;
  readonly partitions: readonly NewPartition[];
}

export interface TopicDeleted extends ControllerHead {
  readonly type: 'topic-deleted';
  readonly topicId: string;
}

export interface PartitionsAdded extends ControllerHead {
  readonly type: 'partitions-added';
  readonly topicId: string;
  readonly expects: { readonly partitionCount: number };
  readonly partitions: readonly NewPartition[];
}

export interface TopicConfigsAltered extends ControllerHead {
  readonly type: 'topic-configs-altered';
  readonly topicId: string;
  readonly changes: ConfigChanges;
}

export interface SettingsAltered extends ControllerHead {
  readonly type: 'settings-altered';
  readonly changes: ConfigChanges;
}

/** Gives its writer the producer ids from number x 1000 on, PRODUCER_ID_BLOCK of them. A registration gives the same. */
export interface ProducerIdBlock extends EntryHead {
  readonly type: 'producer-id-block';
}

export type ControllerEntry = TopicCreated | TopicDeleted | PartitionsAdded | TopicConfigsAltered | SettingsAltered;
export type MetadataEntry = BrokerRegistered | ControllerEntry | ProducerIdBlock;

/** How many producer ids one entry number stands for. */
export const PRODUCER_ID_BLOCK = 1000;

type FieldKind = 'string' | 'number' | 'boolean' | 'object' | 'array';

/** What each type must carry beside the head; more is allowed. */
const FIELDS_BY_TYPE: Readonly<Record<MetadataEntry['type'], Readonly<Record<string, FieldKind>>>> = {
  'broker-registered': {
    expects: 'object',
    process: 'object',
    command: 'string',
    endpoints: 'array',
    uncleanClose: 'boolean',
  },
  'topic-created': {
    controllerEpoch: 'number',
    name: 'string',
    topicId: 'string',
    configs: 'object',
    partitions: 'array',
  },
  'topic-deleted': { controllerEpoch: 'number', topicId: 'string' },
  'partitions-added': { controllerEpoch: 'number', topicId: 'string', expects: 'object', partitions: 'array' },
  'topic-configs-altered': { controllerEpoch: 'number', topicId: 'string', changes: 'object' },
  'settings-altered': { controllerEpoch: 'number', changes: 'object' },
  'producer-id-block': {},
};

const HEAD_FIELDS: Readonly<Record<string, FieldKind>> = { uuid: 'string', brokerId: 'number', brokerEpoch: 'number' };

export function encodeEntry(entry: MetadataEntry): Buffer {
  return sealJson('entry', entry);
}

/** Throws ClusterError: `damaged`, or `format` for a version or a type that this streamctl does not know. */
export function decodeEntry(path: string, bytes: Buffer): MetadataEntry {
  const fields = unsealJson('entry', path, bytes);
  const type = String(fields['type']);
  const expected = Object.hasOwn(FIELDS_BY_TYPE, type) ? FIELDS_BY_TYPE[type as MetadataEntry['type']] : undefined;
  if (expected === undefined) {
    throw new ClusterError('format', `${path} holds an entry of type ${type}, which needs a newer streamctl`);
  }
  for (const [name, kind] of [...Object.entries(HEAD_FIELDS), ...Object.entries(expected)]) {
    if (kindOf(fields[name]) !== kind) {
      throw new ClusterError('damaged', `${path} is damaged: ${name} is not a ${kind}`);
    }
  }
  return fields as unknown as MetadataEntry;
}

export function entryHead(uuid: string, brokerId: number, brokerEpoch: number): EntryHead {
  return { v: FORMAT_VERSION, uuid, brokerId, brokerEpoch };
}

function kindOf(value: unknown): FieldKind | undefined {
  if (Array.isArray(value)) {
    return 'array';
  }
  const kind = typeof value;
  if (kind === 'object') {
    return value === null ? undefined : 'object';
  }
  return kind === 'string' || kind === 'number' || kind === 'boolean' ? kind : undefined;
}

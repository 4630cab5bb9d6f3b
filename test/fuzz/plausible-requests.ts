/**
 * Requests of every API in every version that is served, made from their schemas: each field has a value that its name makes
 * likely, so that a changed byte comes as far as the state behind it. Ids that the broker gives out are learned from its answers.
 */
import { encodeRequest } from '../../src/protocol/codec.ts';
import { encodeConsumerSubscription } from '../../src/protocol/group/consumer-protocol.ts';
import { type AnyApi, type AnyType, type Fields, type RequestInput, ZERO_UUID } from '../../src/protocol/schema.ts';
import { batchOf, NO_PRODUCER } from '../helpers/raw-producer.ts';
import type { Prng } from '../sim/prng.ts';

/** Everything happens to it; other topics are named by nobody but chance. */
export const FUZZED_TOPIC = 'fuzz';
const TOPICS = [FUZZED_TOPIC, FUZZED_TOPIC, FUZZED_TOPIC, 'fuzz-2', 'absent'];
/** The other one stays for as long as the attack. */
const DELETED_TOPICS = ['fuzz-2', 'absent'];
const CLASSIC_GROUPS = ['fuzz-classic', 'fuzz-classic', 'fuzz-other'];
const ALL_GROUPS = [...CLASSIC_GROUPS, 'fuzz-consumers'];
const PARTITIONS = [0, 0, 0, 0, 1, 1, 2];
const SMALL_NUMBERS = [0, 0, 1, -1, 2];
const NULL_SHARE = 0.2;
const ELEMENTS_MAX = 2;
/** Ids of one name that are remembered. */
const LEARNED_MAX = 8;

const TEXTS: Readonly<Record<string, readonly string[]>> = {
  assignorName: ['uniform', 'range'],
  groupId: ALL_GROUPS,
  groupIds: ALL_GROUPS,
  coordinatorKeys: ALL_GROUPS,
  key: ALL_GROUPS,
  groupInstanceId: ['instance', 'other'],
  instanceId: ['instance'],
  memberId: ['', 'm', 'n'],
  protocolType: ['consumer'],
  protocolName: ['range'],
  resourceName: [FUZZED_TOPIC, FUZZED_TOPIC, '1', ''],
  serverAssignor: ['uniform', 'range'],
  statesFilter: ['Stable', 'Empty', 'Dead'],
  subscribedTopicNames: TOPICS,
  subscribedTopicRegex: ['fuzz.*', '('],
  topic: TOPICS,
  topicNames: TOPICS,
  typesFilter: ['classic', 'consumer'],
  value: ['1000000', 'compact', '-1', 'x'],
};

const NUMBERS: Readonly<Record<string, readonly number[]>> = {
  acks: [-1, 0, 1],
  currentLeaderEpoch: [-1, -1, 0, 1],
  generationId: [-1, 0, 1, 2, 3],
  generationIdOrMemberEpoch: [-1, 0, 1, 2, 3],
  maxBytes: [1_000_000],
  index: PARTITIONS,
  leaderEpoch: [-1, 0, 0, 1],
  maxWaitMs: [0, 10],
  memberEpoch: [0, 0, 1, 2, -1, -2],
  minBytes: [1],
  partition: PARTITIONS,
  partitionIndex: PARTITIONS,
  partitionIndexes: PARTITIONS,
  partitionMaxBytes: [100_000],
  partitions: PARTITIONS,
  rebalanceTimeoutMs: [-1, 1000, 60_000],
  replicaId: [-1],
  replicationFactor: [-1, 1],
  resourceType: [2, 4, 32],
  responsePartitionLimit: [1, 2000],
  sessionEpoch: [-1, 0],
  sessionTimeoutMs: [6000, 60_000],
  timeoutMs: [1000],
};

type Message = Readonly<Record<string, unknown>>;

const PROTOCOLS = [{ name: 'range', metadata: encodeConsumerSubscription({ topics: [FUZZED_TOPIC] }) }];
const STATIC = { groupId: 'fuzz-classic', groupInstanceId: 'instance', protocolType: 'consumer' };
const BEAT = { groupId: 'fuzz-consumers', memberId: 'm', instanceId: null, rackId: null, serverAssignor: null };
/** What chance alone seldom puts together: members that are taken in and go on. Half of the requests of these APIs are one of them. */
const TOGETHER: Readonly<Record<string, readonly Message[]>> = {
  // A static member comes back at once, whoever else was there.
  JoinGroup: [{ ...STATIC, memberId: '', sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 1000, protocols: PROTOCOLS }],
  SyncGroup: [{ ...STATIC, protocolName: 'range', assignments: [] }],
  Heartbeat: [STATIC],
  ConsumerGroupHeartbeat: [
    {
      ...BEAT,
      memberEpoch: 0,
      rebalanceTimeoutMs: 10_000,
      subscribedTopicNames: [FUZZED_TOPIC],
      subscribedTopicRegex: null,
      topicPartitions: [],
    },
    { ...BEAT, rebalanceTimeoutMs: -1, subscribedTopicNames: null, subscribedTopicRegex: null, topicPartitions: null },
  ],
};

export class PlausibleRequests {
  readonly #prng: Prng;
  readonly #learned = new Map<string, (string | number)[]>();

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  /** A frame without its length. */
  frame(api: AnyApi): Buffer {
    const version = this.#prng.between(api.versions.min, api.versions.max);
    const made = { ...this.#struct(api, api.request.fields, version), ...this.#together(api, version) };
    const message = made as RequestInput<typeof api>;
    const header = { correlationId: this.#prng.between(0, 1000), clientId: 'fuzz' };
    return Buffer.concat(encodeRequest(api, version, header, message)).subarray(4);
  }

  /** Takes from an answer what later requests may name; ids of topics only of those that may be harmed. */
  learn(answer: unknown): void {
    if (Array.isArray(answer)) for (const each of answer) this.learn(each);
    else if (typeof answer === 'object' && answer !== null && !Buffer.isBuffer(answer)) {
      const message = answer as Message;
      for (const name of ['memberId', 'generationId', 'memberEpoch']) this.#remember(name, message[name]);
      if (String(message['name']).startsWith(FUZZED_TOPIC)) this.#remember('topicId', message['topicId']);
      for (const value of Object.values(message)) this.learn(value);
    }
  }

  #remember(name: string, value: unknown): void {
    if ((typeof value !== 'string' || value === '') && typeof value !== 'number') return;
    const known = this.#learned.get(name) ?? [];
    if (!known.includes(value)) this.#learned.set(name, [value, ...known].slice(0, LEARNED_MAX));
  }

  #together(api: AnyApi, version: number): Message {
    const all = TOGETHER[api.name];
    if (all === undefined || this.#prng.hits(0.5)) return {};
    const isThere = ([name]: readonly [string, unknown]): boolean => {
      const field = api.request.fields[name];
      return field?.kind !== 'field' || (version >= field.since && version <= field.until);
    };
    return Object.fromEntries(Object.entries(this.#prng.pick(all)).filter(isThere));
  }

  #struct(api: AnyApi, fields: Fields, version: number): Message {
    const message: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      if (field.kind !== 'field') message[name] = this.#value(api, name, field, version);
      else if (version < field.since || version > field.until) message[name] = field.default;
      else message[name] = this.#value(api, name, field.type, version);
    }
    // What is made for good would fill the directory.
    if ('validateOnly' in message && api.name.startsWith('Create')) message['validateOnly'] = this.#prng.hits(0.95);
    return message;
  }

  #value(api: AnyApi, name: string, type: AnyType, version: number): unknown {
    const mayBeNull = type.nullableSince !== undefined && version >= type.nullableSince;
    if (mayBeNull && this.#prng.hits(NULL_SHARE)) return null;
    switch (type.kind) {
      case 'struct':
        return this.#struct(api, type.fields, version);
      case 'array': {
        const { element } = type;
        const count = this.#prng.between(this.#prng.hits(0.1) ? 0 : 1, ELEMENTS_MAX);
        return Array.from({ length: count }, () => this.#value(api, name, element, version));
      }
      case 'boolean':
        return this.#prng.hits(0.5);
      case 'string':
        return this.#text(api, name);
      case 'uuid':
        return api.name === 'DeleteTopics' ? ZERO_UUID : this.#knownOr('topicId', [ZERO_UUID]);
      case 'bytes':
        return encodeConsumerSubscription({ topics: [FUZZED_TOPIC] });
      case 'records':
        return [batchOf([Buffer.from('value')], NO_PRODUCER, -1)];
      case 'int64':
        return BigInt(this.#number(name));
      case 'uint16':
        return Math.max(0, Number(this.#number(name)));
      default:
        return this.#number(name);
    }
  }

  #text(api: AnyApi, name: string): string {
    if (name === 'name') return this.#prng.pick(nameOf(api));
    return String(this.#knownOr(name, TEXTS[name] ?? ['', 'x']));
  }

  #number(name: string): number {
    const known = name === 'generationIdOrMemberEpoch' ? this.#prng.pick(['generationId', 'memberEpoch']) : name;
    return Number(this.#knownOr(known, NUMBERS[name] ?? SMALL_NUMBERS));
  }

  /** One that was learned, half the time. */
  #knownOr(name: string, others: readonly (string | number)[]): string | number {
    const known = this.#learned.get(name) ?? [];
    return this.#prng.pick(known.length > 0 && this.#prng.hits(0.5) ? known : others);
  }
}

/** What a field is called that is only called name. */
function nameOf(api: AnyApi): readonly string[] {
  if (api.name === 'JoinGroup') return ['range'];
  if (api.name === 'DeleteTopics') return DELETED_TOPICS;
  return /Config/.test(api.name) ? ['retention.ms', 'cleanup.policy', 'max.message.bytes', 'no.such.config'] : TOPICS;
}

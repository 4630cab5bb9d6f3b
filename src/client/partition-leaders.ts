import type { Env } from '../kernel/env.ts';
import { Produce } from '../protocol/apis/00-produce.ts';
import type { ErrorName } from '../protocol/errors.ts';
import { ZERO_UUID } from '../protocol/schema.ts';
import { pickVersion } from './call.ts';
import { ClientError } from './client-error.ts';
import { Deadline } from './deadline.ts';
import { lookUpTopic, type TopicDescription } from './metadata.ts';
import type { Transport } from './transport.ts';

/** From this version on Produce names topics by id only. */
export const PRODUCE_BY_ID_VERSION = 13;

const STALE_ERRORS: ReadonlySet<ErrorName> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
]);

/** Whether the error says that what is known of leaders and topic ids may be out of date. */
export function isStaleMetadata(error: ErrorName): boolean {
  return STALE_ERRORS.has(error);
}

/** Where a producer's batches go: the leader of each partition of one topic, and the Produce version of each leader. */
export class PartitionLeaders {
  readonly #env: Env;
  readonly #transport: Transport;
  readonly #topic: TopicDescription;
  #leaders: number[];
  readonly #versionByNode = new Map<number, number>();
  /** True when a refresh is due. */
  stale = false;

  constructor(env: Env, transport: Transport, topic: TopicDescription) {
    this.#env = env;
    this.#transport = transport;
    this.#topic = topic;
    this.#leaders = topic.partitions.map(({ leader }) => leader);
  }

  /** -1 when there is none. */
  leader(partition: number): number {
    return this.#leaders[partition] ?? -1;
  }

  /** undefined before `askVersion`. */
  version(node: number): number | undefined {
    return this.#versionByNode.get(node);
  }

  /** The broker behind the node's number may be another one by now. */
  forgetVersion(node: number): void {
    this.#versionByNode.delete(node);
  }

  /** Throws `ConnectionLost`, and `ClientError`. */
  async askVersion(node: number): Promise<void> {
    const offered = await this.#transport.versions(node);
    const hasId = this.#topic.topicId !== ZERO_UUID;
    const highest = hasId ? Produce.versions.max : PRODUCE_BY_ID_VERSION - 1;
    this.#versionByNode.set(node, pickVersion(Produce, offered, highest));
  }

  /** Asks who leads now; answers the error that the broker answered, if it did. Throws `ConnectionLost`, `ClientError`. */
  async refresh(timeoutMs: number): Promise<ErrorName | undefined> {
    const deadline = new Deadline(this.#env.clock, timeoutMs);
    const found = await lookUpTopic({ env: this.#env, transport: this.#transport, deadline }, this.#topic.name);
    if (typeof found === 'string') return found;
    if (found.topicId !== this.#topic.topicId) {
      const text = `topic '${this.#topic.name}' was deleted and created anew while lines were sent to it`;
      throw new ClientError('refused', text);
    }
    const leaders = new Map(found.partitions.map(({ partition, leader }) => [partition, leader]));
    this.#leaders = this.#leaders.map((_leader, partition) => leaders.get(partition) ?? -1);
    this.stale = false;
    return undefined;
  }
}

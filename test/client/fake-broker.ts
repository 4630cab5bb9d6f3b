/**
 * A broker in memory behind the client's Transport, for scripted trouble: requests of one node are served one after the
 * other, each after a latency; a fault may refuse a request, lose it or its answer, or never answer. Batches are taken
 * from the client's own memory and patched there, as an embedded broker does.
 */
import { ConnectionLost, Unreachable } from '../../src/client/client-error.ts';
import { ANY_NODE, type Transport, type TransportReply, type VersionRange } from '../../src/client/transport.ts';
import type { Env } from '../../src/kernel/env.ts';
import {
  API_BY_KEY,
  DescribeConfigs,
  Fetch,
  InitProducerId,
  ListOffsets,
  Metadata,
  Produce,
} from '../../src/protocol/apis/index.ts';
import { type ErrorName, errorCode } from '../../src/protocol/errors.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../../src/protocol/schema.ts';
import { FakeLog } from './fake-log.ts';

export type Fault =
  | { readonly kind: 'refuse'; readonly error: ErrorName; readonly message?: string }
  /** The connection breaks; this request and those behind it are not served. */
  | { readonly kind: 'lose-request' }
  /** The connection breaks after this request was served; those behind it are served too, or not. */
  | { readonly kind: 'lose-answer'; readonly servesRest: boolean }
  /** No answer, ever. */
  | { readonly kind: 'hang' }
  /** Nobody is there. */
  | { readonly kind: 'unreachable' };

export interface FakeTopic {
  topicId: string;
  readonly leaders: number[];
  readonly logs: FakeLog[];
  maxMessageBytes: number;
}

interface Waiting {
  readonly api: AnyApi;
  readonly message: object;
  readonly timeoutMs: number;
  readonly fault: Fault | undefined;
  readonly resolve: (message: object) => void;
  readonly reject: (error: Error) => void;
}

export interface SeenRequest {
  readonly nodeId: number;
  readonly api: AnyApi;
  readonly version: number;
  readonly message: object;
}

const SERVED: readonly AnyApi[] = [Produce, Fetch, ListOffsets, Metadata, InitProducerId, DescribeConfigs];

export class FakeBroker implements Transport {
  readonly topics = new Map<string, FakeTopic>();
  readonly requests: SeenRequest[] = [];
  /** Decides what goes wrong with a request. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  /** How long a request takes. */
  latencyMs: () => number = () => 1;
  /** The most requests that waited at once. */
  waitingCountMax = 0;
  releasedCount = 0;
  apiVersions = new Map<number, VersionRange>(SERVED.map((api) => [api.key, api.versions]));
  readonly #env: Env;
  readonly #queues = new Map<number, Waiting[]>();
  readonly #busy = new Set<number>();
  #nextProducerId = 1000n;

  constructor(env: Env) {
    this.#env = env;
  }

  addTopic(
    name: string,
    options: { partitions?: number; maxMessageBytes?: number; leaders?: number[] } = {},
  ): FakeTopic {
    const count = options.partitions ?? 1;
    const topic: FakeTopic = {
      topicId: Buffer.from(name.padEnd(16, '.').slice(0, 16)).toString('base64url'),
      leaders: options.leaders ?? Array.from({ length: count }, () => 1),
      logs: Array.from({ length: count }, () => new FakeLog()),
      maxMessageBytes: options.maxMessageBytes ?? 1_048_588,
    };
    this.topics.set(name, topic);
    return topic;
  }

  request<A extends AnyApi>(
    nodeId: number,
    api: A,
    version: number,
    message: RequestOf<A>,
    timeoutMs: number,
  ): Promise<TransportReply<ResponseOf<A>>> {
    const request = { nodeId, api, version, message: message as object };
    this.requests.push(request);
    const fault = this.fault(request);
    if (fault?.kind === 'unreachable') return Promise.reject(new Unreachable('nobody is there'));
    const node = nodeId === ANY_NODE ? 1 : nodeId;
    const answer = new Promise<object>((resolve, reject) => {
      const queue = this.#queues.get(node) ?? [];
      this.#queues.set(node, queue);
      queue.push({ ...request, timeoutMs, fault, resolve, reject });
      this.waitingCountMax = Math.max(this.waitingCountMax, queue.length);
    });
    void this.#serve(node);
    const release = () => {
      this.releasedCount++;
    };
    return answer.then((reply) => ({ message: reply as ResponseOf<A>, release }));
  }

  versions(): Promise<ReadonlyMap<number, VersionRange>> {
    return Promise.resolve(this.apiVersions);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #serve(node: number): Promise<void> {
    if (this.#busy.has(node)) return;
    this.#busy.add(node);
    const queue = this.#queues.get(node) ?? [];
    while (queue.length > 0) {
      await this.#env.clock.sleep(this.latencyMs());
      const waiting = queue[0] as Waiting;
      const { fault } = waiting;
      switch (fault?.kind) {
        case 'hang':
          await this.#env.clock.sleep(waiting.timeoutMs);
          this.#break(queue, 0);
          break;
        case 'lose-request':
          this.#break(queue, 0);
          break;
        case 'lose-answer':
          this.#break(queue, fault.servesRest ? queue.length : 1);
          break;
        default:
          queue.shift();
          waiting.resolve(this.#answer(waiting, fault?.kind === 'refuse' ? fault : undefined));
      }
    }
    this.#busy.delete(node);
  }

  /** The connection is lost; the first `servedCount` of the requests on it take effect. */
  #break(queue: Waiting[], servedCount: number): void {
    for (const [index, waiting] of queue.splice(0).entries()) {
      if (index < servedCount) this.#answer(waiting, undefined);
      waiting.reject(new ConnectionLost('the connection broke'));
    }
  }

  #answer(waiting: Waiting, fault: Extract<Fault, { kind: 'refuse' }> | undefined): object {
    const error = fault === undefined ? undefined : errorCode(fault.error);
    const message = waiting.message as never;
    switch (waiting.api.key) {
      case Metadata.key:
        return this.#metadata(message, error);
      case InitProducerId.key:
        return { throttleTimeMs: 0, errorCode: error ?? 0, producerId: this.#nextProducerId++, producerEpoch: 0 };
      case DescribeConfigs.key:
        return this.#configs(message);
      case Produce.key:
        return this.#produce(message, error, fault?.message ?? null);
      case ListOffsets.key:
        return this.#listOffsets(message, error);
      case Fetch.key:
        return this.#fetch(message, error);
      default:
        throw new Error(`not served: ${API_BY_KEY.get(waiting.api.key)?.name}`);
    }
  }

  #metadata(message: RequestOf<typeof Metadata>, error: number | undefined): ResponseOf<typeof Metadata> {
    const names = message.topics?.map(({ name }) => name ?? '') ?? [...this.topics.keys()];
    return {
      throttleTimeMs: 0,
      brokers: [{ nodeId: 1, host: 'localhost', port: 1, rack: null }],
      clusterId: 'fake',
      controllerId: 1,
      topics: names.map((name) => {
        const topic = this.topics.get(name);
        return {
          errorCode: error ?? (topic === undefined ? errorCode('UNKNOWN_TOPIC_OR_PARTITION') : 0),
          name,
          topicId: topic?.topicId ?? '',
          isInternal: false,
          partitions: (topic?.leaders ?? []).map((leaderId, partitionIndex) => ({
            errorCode: 0,
            partitionIndex,
            leaderId,
            leaderEpoch: 0,
            replicaNodes: [1],
            isrNodes: [1],
            offlineReplicas: [],
          })),
          topicAuthorizedOperations: 0,
        };
      }),
      clusterAuthorizedOperations: 0,
      errorCode: 0,
    };
  }

  #configs({ resources }: RequestOf<typeof DescribeConfigs>): ResponseOf<typeof DescribeConfigs> {
    return {
      throttleTimeMs: 0,
      results: resources.map(({ resourceType, resourceName }) => ({
        errorCode: 0,
        errorMessage: null,
        resourceType,
        resourceName,
        configs: [
          {
            name: 'max.message.bytes',
            value: String(this.topics.get(resourceName)?.maxMessageBytes),
            readOnly: false,
            configSource: 5,
            isSensitive: false,
            synonyms: [],
            configType: 3,
            documentation: null,
          },
        ],
      })),
    };
  }

  #produce(
    { topicData }: RequestOf<typeof Produce>,
    error: number | undefined,
    errorMessage: string | null,
  ): ResponseOf<typeof Produce> {
    return {
      responses: topicData.map(({ name, topicId, partitionData }) => ({
        name,
        topicId,
        partitionResponses: partitionData.map(({ index, records }) => {
          const log = this.#find(name, topicId)?.logs[index];
          const appended = error === undefined ? log?.append(records?.[0] as Buffer) : undefined;
          // What an embedded broker does to the client's memory.
          if (appended?.error === 'NONE') records?.[0]?.fill(0x77, 0, 8);
          return {
            index,
            errorCode: error ?? errorCode(appended?.error ?? 'UNKNOWN_TOPIC_OR_PARTITION'),
            baseOffset: BigInt(appended?.baseOffset ?? -1),
            logAppendTimeMs: -1n,
            logStartOffset: 0n,
            recordErrors: [],
            errorMessage,
            currentLeader: { leaderId: -1, leaderEpoch: -1 },
          };
        }),
      })),
      throttleTimeMs: 0,
      nodeEndpoints: [],
    };
  }

  #listOffsets({ topics }: RequestOf<typeof ListOffsets>, error: number | undefined): ResponseOf<typeof ListOffsets> {
    return {
      throttleTimeMs: 0,
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }) => {
          const log = this.topics.get(name)?.logs[partitionIndex];
          const find = () => log?.records().find((record) => record.timestamp >= timestamp)?.offset;
          const offset = timestamp === -1n ? log?.endOffset : timestamp === -2n ? log?.logStartOffset : find();
          return {
            partitionIndex,
            errorCode: error ?? (log === undefined ? errorCode('UNKNOWN_TOPIC_OR_PARTITION') : 0),
            timestamp: -1n,
            offset: BigInt(offset ?? -1),
            leaderEpoch: 0,
          };
        }),
      })),
    };
  }

  #fetch(
    { topics, maxBytes, isolationLevel }: RequestOf<typeof Fetch>,
    error: number | undefined,
  ): ResponseOf<typeof Fetch> {
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      sessionId: 0,
      responses: topics.map(({ topic, topicId, partitions }) => ({
        topic,
        topicId,
        partitions: partitions.map(({ partition, fetchOffset }) => {
          const log = this.#find(topic, topicId)?.logs[partition];
          const offset = Number(fetchOffset);
          const isOut = log !== undefined && (offset < log.logStartOffset || offset > log.endOffset);
          const code = error ?? (log === undefined ? errorCode('UNKNOWN_TOPIC_OR_PARTITION') : isOut ? 1 : 0);
          return {
            partitionIndex: partition,
            errorCode: code,
            highWatermark: BigInt(log?.endOffset ?? -1),
            lastStableOffset: BigInt(log?.endOffset ?? -1),
            logStartOffset: BigInt(log?.logStartOffset ?? -1),
            divergingEpoch: { epoch: -1, endOffset: -1n },
            currentLeader: { leaderId: -1, leaderEpoch: -1 },
            snapshotId: { endOffset: -1n, epoch: -1 },
            abortedTransactions: isolationLevel === 1 ? (this.aborted.get(log as FakeLog) ?? []) : null,
            preferredReadReplica: -1,
            records: code === 0 ? [log?.read(offset, maxBytes) as Buffer] : [],
          };
        }),
      })),
      nodeEndpoints: [],
    };
  }

  /** Aborted transactions to tell readers of committed records. */
  readonly aborted = new Map<FakeLog, { producerId: bigint; firstOffset: bigint }[]>();

  #find(name: string, topicId: string): FakeTopic | undefined {
    if (name !== '') return this.topics.get(name);
    return [...this.topics.values()].find((topic) => topic.topicId === topicId);
  }
}

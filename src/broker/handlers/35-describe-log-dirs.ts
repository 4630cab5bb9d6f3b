/**
 * DescribeLogDirs (35), versions 1-4: the one log directory of this broker, the size of each partition in it, and from v4 on
 * that of its file system. Sizes come from what is open and from the last clean close: no log is opened for it.
 *
 * Source: KafkaApis.handleDescribeLogDirsRequest, ReplicaManager.describeLogDirs (Kafka 4.x).
 */

import { partitionName } from '../../log/segment-files.ts';
import type { DescribeLogDirs } from '../../protocol/apis/index.ts';
import { errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { CLUSTER } from '../authorize.ts';
import { logFault, NO_FAILURE } from '../failure.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type LogDirsRequest = RequestOf<typeof DescribeLogDirs>;
type LogDirsResponse = ResponseOf<typeof DescribeLogDirs>;
type DirDescribed = LogDirsResponse['results'][number];

/** The first version whose answer as a whole can be an error. */
const ERROR_VERSION = 3;
const UNKNOWN_BYTES = -1n;

export async function handleDescribeLogDirs(
  services: BrokerServices,
  request: LogDirsRequest,
  { version, context }: Call,
): Promise<Reply> {
  const isAllowed = services.authorize(context, 'describe', CLUSTER);
  const refusal = isAllowed || version < ERROR_VERSION ? 'NONE' : 'CLUSTER_AUTHORIZATION_FAILED';
  const message: LogDirsResponse = {
    throttleTimeMs: services.throttleTimeMs(context),
    errorCode: errorCode(refusal),
    results: isAllowed ? [await describeDir(services, request)] : [],
  };
  return { message };
}

async function describeDir(services: BrokerServices, request: LogDirsRequest): Promise<DirDescribed> {
  const { env, session } = services;
  const logDir = `${session.brokerDirectory}/log`;
  try {
    const topics = await describeTopics(services, request);
    const { totalBytes, freeBytes } = await env.disk.fileSystem(session.brokerDirectory);
    return {
      errorCode: NO_FAILURE.errorCode,
      logDir,
      topics,
      totalBytes: BigInt(totalBytes),
      usableBytes: BigInt(freeBytes),
    };
  } catch (error) {
    logFault(env.log, 'the log directory cannot be described', error);
    const code = errorCode('KAFKA_STORAGE_ERROR');
    return { errorCode: code, logDir, topics: [], totalBytes: UNKNOWN_BYTES, usableBytes: UNKNOWN_BYTES };
  }
}

/** A partition that nothing was written to yet has no files; it is told with 0 bytes, as Kafka does. */
async function describeTopics(services: BrokerServices, request: LogDirsRequest): Promise<DirDescribed['topics']> {
  const { session, logSizes } = services;
  const sizes = await logSizes();
  const asked = askedPartitions(request);
  const topics: DirDescribed['topics'][number][] = [];
  for (const { name, partitions } of session.image().topics.values()) {
    const indexes = asked === undefined ? undefined : (asked.get(name) ?? new Set<number>());
    const here = partitions.filter(
      ({ index, replicas }) => replicas.includes(session.brokerId) && (indexes?.has(index) ?? true),
    );
    if (here.length === 0) continue;
    const described = here.map(({ index }) => ({
      partitionIndex: index,
      partitionSize: BigInt(sizes.get(partitionName(name, index)) ?? 0),
      offsetLag: 0n,
      isFutureKey: false,
    }));
    topics.push({ name, partitions: described });
  }
  return topics;
}

/** undefined: all. */
function askedPartitions({ topics }: LogDirsRequest): ReadonlyMap<string, ReadonlySet<number>> | undefined {
  if (topics === null) return undefined;
  const asked = new Map<string, Set<number>>();
  for (const { topic, partitions } of topics) {
    const indexes = asked.get(topic) ?? new Set<number>();
    for (const index of partitions) indexes.add(index);
    asked.set(topic, indexes);
  }
  return asked;
}

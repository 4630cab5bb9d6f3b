/**
 * FindCoordinator (10), versions 0-6: of a group, the leader of the partition of `__consumer_offsets` that keeps it. The topic is
 * made when the first client asks, who waits for it, where Kafka makes its clients ask again. From v4 on many keys at once.
 *
 * Skipped: coordinators of transactions, refused with the error that all clients take for final (see InitProducerId), and those
 * of share groups. Source: KafkaApis.handleFindCoordinatorRequest (Kafka 4.x).
 */

import type { TopicImage } from '../../cluster/cluster-image.ts';
import { partitionOfGroup } from '../../coordinator/offsets-topic.ts';
import type { FindCoordinator } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { clusterNodes, type NodeView } from '../cluster-view.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { authorizeGroup } from '../group-calls.ts';
import { LoopTurns } from '../loop-turns.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type FindRequest = RequestOf<typeof FindCoordinator>;
type FindResponse = ResponseOf<typeof FindCoordinator>;
type Coordinator = FindResponse['coordinators'][number];

/** The first version that asks for many keys. */
const BATCH_VERSION = 4;
const GROUP = 0;
const TRANSACTION = 1;
const NO_NODE: NodeView = { nodeId: -1, host: '', port: -1 };

export async function handleFindCoordinator(
  services: BrokerServices,
  request: FindRequest,
  { version, context }: Call,
): Promise<Reply> {
  const keys = version >= BATCH_VERSION ? request.coordinatorKeys : [request.key];
  const coordinators: Coordinator[] = [];
  const turns = new LoopTurns(services.env.clock);
  for (const key of keys) {
    if (turns.isDue()) await turns.next();
    try {
      checkKind(request.keyType);
      authorizeGroup(services, context, 'describe', key);
      const node = leaderOf(services, await services.groups.offsetsTopic.make(), key);
      coordinators.push({ key, ...node, ...NO_FAILURE });
    } catch (error) {
      coordinators.push({ key, ...NO_NODE, ...failureOf(services.env.log, error) });
    }
  }
  const throttleTimeMs = services.throttleTimeMs(context);
  return {
    message: version >= BATCH_VERSION ? batch(coordinators, throttleTimeMs) : single(coordinators, throttleTimeMs),
  };
}

/** Throws KafkaError. */
function checkKind(keyType: number): void {
  if (keyType === GROUP) return;
  if (keyType === TRANSACTION) throw new KafkaError('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  throw new KafkaError('INVALID_REQUEST', `no coordinator has the type ${keyType}`);
}

/** Throws KafkaError COORDINATOR_NOT_AVAILABLE. */
function leaderOf({ session }: BrokerServices, topic: TopicImage, groupId: string): NodeView {
  const leader = topic.partitions[partitionOfGroup(groupId, topic)]?.leader;
  const node = clusterNodes(session.image()).find(({ nodeId }) => nodeId === leader);
  if (node === undefined) throw new KafkaError('COORDINATOR_NOT_AVAILABLE');
  return node;
}

function batch(coordinators: readonly Coordinator[], throttleTimeMs: number): FindResponse {
  return { throttleTimeMs, ...NO_FAILURE, nodeId: 0, host: '', port: 0, coordinators };
}

function single([found]: readonly Coordinator[], throttleTimeMs: number): FindResponse {
  const { nodeId, host, port } = found ?? NO_NODE;
  const { errorCode, errorMessage } = found ?? NO_FAILURE;
  return { throttleTimeMs, errorCode, errorMessage, nodeId, host, port, coordinators: [] };
}

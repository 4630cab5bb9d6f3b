/**
 * ElectLeaders (43), versions 0-2: a partition has one replica, which leads it, so that no election is ever needed. Asked for all
 * partitions, it tells of none, as Kafka leaves out those that need no election.
 *
 * Skipped: the timeout, since nothing is waited for. Source: ReplicationControlManager.electLeaders (Kafka 4.x).
 */

import type { PartitionImage } from '../../cluster/cluster-image.ts';
import type { ElectLeaders } from '../../protocol/apis/index.ts';
import { type ErrorName, errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { CLUSTER } from '../authorize.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type ElectRequest = RequestOf<typeof ElectLeaders>;
type ElectResponse = ResponseOf<typeof ElectLeaders>;

const UNCLEAN = 1;
const NO_LEADER = -1;
/** The first version whose answer as a whole can be an error. */
const ERROR_VERSION = 1;

export function handleElectLeaders(
  services: BrokerServices,
  request: ElectRequest,
  { version, context }: Call,
): Promise<Reply> {
  const refusal = refusalOf(services, request, context);
  const replicaElectionResults = (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => {
      const partition = services.partitions.topicNamed(topic)?.partitions[partitionId];
      return {
        partitionId,
        errorCode: errorCode(refusal ?? outcomeOf(partition, request.electionType)),
        errorMessage: null,
      };
    }),
  }));
  const message: ElectResponse = {
    throttleTimeMs: services.throttleTimeMs(context),
    errorCode: errorCode(version >= ERROR_VERSION ? (refusal ?? 'NONE') : 'NONE'),
    replicaElectionResults,
  };
  return Promise.resolve({ message });
}

/** Why nothing of the request is done; undefined when something may be. */
function refusalOf(
  { authorize }: BrokerServices,
  { electionType }: ElectRequest,
  context: RequestContext,
): ErrorName | undefined {
  if (!authorize(context, 'alter', CLUSTER)) return 'CLUSTER_AUTHORIZATION_FAILED';
  return electionType < 0 || electionType > UNCLEAN ? 'INVALID_REQUEST' : undefined;
}

function outcomeOf(partition: PartitionImage | undefined, electionType: number): ErrorName {
  if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION';
  const { leader, replicas } = partition;
  if (electionType === UNCLEAN) return leader === NO_LEADER ? 'ELIGIBLE_LEADERS_NOT_AVAILABLE' : 'ELECTION_NOT_NEEDED';
  return leader === replicas[0] ? 'ELECTION_NOT_NEEDED' : 'PREFERRED_LEADER_NOT_AVAILABLE';
}

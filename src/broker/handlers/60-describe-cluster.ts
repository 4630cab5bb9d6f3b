/**
 * DescribeCluster (60), versions 0-2: the brokers of the cluster and its controller. There are no controllers that could be
 * asked for by endpoint type, and no fenced brokers. Source: AuthHelper.computeDescribeClusterResponse (Kafka 4.x).
 */

import { OPERATIONS_NOT_ASKED } from '../../protocol/apis/03-metadata.ts';
import type { DescribeCluster } from '../../protocol/apis/index.ts';
import { errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { authorizedOperations, CLUSTER } from '../authorize.ts';
import { clusterNodes } from '../cluster-view.ts';
import { NO_FAILURE } from '../failure.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type DescribeClusterResponse = ResponseOf<typeof DescribeCluster>;

const BROKERS = 1;
const CONTROLLERS = 2;

export async function handleDescribeCluster(
  services: BrokerServices,
  request: RequestOf<typeof DescribeCluster>,
  { context }: Call,
): Promise<Reply> {
  const image = services.session.image();
  const refusal = refusalOf(request.endpointType);
  const isDescribed = services.authorize(context, 'describe', CLUSTER);
  const isRefused = refusal.errorCode !== NO_FAILURE.errorCode;
  const message: DescribeClusterResponse = {
    throttleTimeMs: services.throttleTimeMs(context),
    ...refusal,
    endpointType: BROKERS,
    clusterId: image.clusterId,
    controllerId: isRefused ? -1 : image.controllerId,
    brokers: isRefused
      ? []
      : clusterNodes(image).map(({ nodeId, host, port }) => ({
          brokerId: nodeId,
          host,
          port,
          rack: null,
          isFenced: false,
        })),
    clusterAuthorizedOperations:
      request.includeClusterAuthorizedOperations && isDescribed && !isRefused
        ? authorizedOperations(services.authorize, context, CLUSTER)
        : OPERATIONS_NOT_ASKED,
  };
  return { message };
}

function refusalOf(endpointType: number): Pick<DescribeClusterResponse, 'errorCode' | 'errorMessage'> {
  if (endpointType === BROKERS) return NO_FAILURE;
  if (endpointType === CONTROLLERS) {
    return { errorCode: errorCode('MISMATCHED_ENDPOINT_TYPE'), errorMessage: 'this is a broker, not a controller' };
  }
  return {
    errorCode: errorCode('UNSUPPORTED_ENDPOINT_TYPE'),
    errorMessage: `there is no endpoint type ${endpointType}`,
  };
}

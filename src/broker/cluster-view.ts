/** How the cluster looks to a Kafka client: the nodes and where to reach them. */

import type { BrokerRegistration, ClusterImage } from '../cluster/cluster-image.ts';

export interface NodeView {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

/**
 * A broker without an endpoint serves its directory's socket only. Whoever sees this came through that socket and never dials
 * the address, but clients want one that looks like an address.
 */
const NO_ENDPOINT = { host: 'localhost', port: 0 };

export function clusterNodes(image: ClusterImage): NodeView[] {
  return [...image.brokers.values()].map(nodeView);
}

function nodeView({ brokerId, endpoints }: BrokerRegistration): NodeView {
  const { host, port } = endpoints[0] ?? NO_ENDPOINT;
  return { nodeId: brokerId, host, port };
}

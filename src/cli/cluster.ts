/** `streamctl cluster ...` */
import { type ClusterDescription, describeCluster } from '../client/admin.ts';
import { documentOf, printDocument } from './document.ts';
import type { ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';
import { openTarget } from './target.ts';

export async function runClusterDescribe(host: Host, common: CommonOptions): Promise<ExitCode> {
  const { env } = host;
  const target = await openTarget(host, common, { command: 'cluster describe', createDirectory: false });
  let cluster: ClusterDescription;
  try {
    cluster = await describeCluster({ env, transport: target.transport, timeoutMs: common.timeoutMs });
  } finally {
    await target.close();
  }
  return printDocument(host, common, documentOf('cluster.describe', [cluster]), (clusters, style) =>
    clusters.map((described) => clusterText(described, style)).join(''),
  );
}

function clusterText(cluster: ClusterDescription, style: Style): string {
  const rows = cluster.brokers.map((broker) => [
    String(broker.id),
    // A broker that only commands on this host reach has no port.
    broker.port > 0 ? `${broker.host}:${broker.port}` : broker.host,
    broker.rack ?? '-',
    broker.id === cluster.controllerId ? 'controller' : '',
  ]);
  return `${style.heading('cluster')} ${cluster.clusterId}\n${table(['BROKER', 'ADDRESS', 'RACK', 'ROLE'], rows, style)}`;
}

/**
 * meta.properties of a log directory: Java properties that say whose it is. Source: Kafka's MetaProperties, version 1.
 *
 *   #\n
 *   node.id=1\n
 *   directory.id=<22 characters>\n
 *   version=1\n
 *   cluster.id=<id>\n
 */

export const META_PROPERTIES_FILE = 'meta.properties';

export interface MetaProperties {
  readonly clusterId: string;
  readonly nodeId: number;
  readonly directoryId: string;
}

/** undefined when the version is not 1 or a line is missing. Escapes of Java properties do not occur in these values. */
export function parseMetaProperties(text: string): MetaProperties | undefined {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*([^#!=:\s][^=:\s]*)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (match !== null) values.set(match[1] ?? '', match[2] ?? '');
  }
  const clusterId = values.get('cluster.id');
  const nodeId = values.get('node.id');
  if (values.get('version') !== '1' || clusterId === undefined || nodeId === undefined || !/^\d+$/.test(nodeId)) {
    return undefined;
  }
  return { clusterId, nodeId: Number(nodeId), directoryId: values.get('directory.id') ?? '' };
}

export function formatMetaProperties(properties: MetaProperties): string {
  return [
    '#',
    `node.id=${properties.nodeId}`,
    `directory.id=${properties.directoryId}`,
    'version=1',
    `cluster.id=${properties.clusterId}`,
    '',
  ].join('\n');
}

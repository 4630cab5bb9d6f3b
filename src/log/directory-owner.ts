/** Whose a log directory is, by its meta.properties. */
import type { Env } from '../kernel/env.ts';
import { readOwnFile } from './atomic-file.ts';
import { META_PROPERTIES_FILE, parseMetaProperties } from './meta-properties.ts';

/** The directory belongs to another cluster or broker; nothing was changed in it. */
export class ForeignLogDirectoryError extends Error {
  override readonly name = 'ForeignLogDirectoryError';
}

/** @throws ForeignLogDirectoryError, NoRegularFileError */
export async function checkOwner(
  env: Env,
  directory: string,
  options: { readonly clusterId: string; readonly brokerId: number },
): Promise<void> {
  const content = await readOwnFile(env.disk, `${directory}/${META_PROPERTIES_FILE}`);
  if (content === undefined) return;
  const properties = parseMetaProperties(content.toString('utf8'));
  if (properties?.clusterId === options.clusterId && properties.nodeId === options.brokerId) return;
  const owner = properties === undefined ? 'nobody known' : `node ${properties.nodeId} of ${properties.clusterId}`;
  throw new ForeignLogDirectoryError(
    `${directory} belongs to ${owner}, not to node ${options.brokerId} of ${options.clusterId}`,
  );
}

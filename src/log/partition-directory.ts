/** Whose a partition's directory is, by its partition.metadata (H-19). */
import type { Disk } from '../kernel/env.ts';
import { type FileSync, readFileIfThere, replaceFile } from './atomic-file.ts';
import { formatPartitionMetadata, PARTITION_METADATA_FILE, parsePartitionMetadata } from './partition-metadata.ts';

/**
 * `absent`: there is no such file, or none that can be read, or a flipped one: whose it is must be written; `ours`; `deleted`:
 * of a topic that was deleted; `other`.
 */
export type DirectoryOwner = 'absent' | 'ours' | 'deleted' | 'other';

/** `isDeleted`: whether the topic of another id is known to be deleted. */
export async function adoptDirectory(
  disk: Disk,
  directory: string,
  topicId: string,
  isDeleted: (topicId: string) => boolean = () => false,
): Promise<DirectoryOwner> {
  const found = await readTopicId(disk, directory);
  if (found === topicId) return 'ours';
  if (found === undefined) return 'absent';
  if (isDeleted(found)) return 'deleted';
  return isFlipped(found, topicId) ? 'absent' : 'other';
}

/** undefined when there is no such file, or none that can be parsed. */
export async function readTopicId(disk: Disk, directory: string): Promise<string | undefined> {
  const content = await readFileIfThere(disk, `${directory}/${PARTITION_METADATA_FILE}`);
  return content === undefined ? undefined : parsePartitionMetadata(content.toString('latin1'));
}

/** Whether the id differs in one character: no two random ids do, and the file has no checksum. */
function isFlipped(found: string, topicId: string): boolean {
  if (found.length !== topicId.length) return false;
  let differing = 0;
  for (let at = 0; at < found.length; at += 1) if (found[at] !== topicId[at]) differing += 1;
  return differing === 1;
}

/** Writes whose the directory is, durably up to the sync of the directory above it. */
export async function claimDirectory(disk: Disk, sync: FileSync, directory: string, topicId: string): Promise<void> {
  const metadata = Buffer.from(formatPartitionMetadata(topicId));
  await replaceFile(disk, sync, `${directory}/${PARTITION_METADATA_FILE}`, metadata);
  await disk.syncDirectory(directory);
}

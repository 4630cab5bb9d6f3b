/** Whose a partition's directory is, by its partition.metadata (H-19). */
import type { Disk } from '../kernel/env.ts';
import { type FileSync, readFileIfThere, replaceFile } from './atomic-file.ts';
import { formatPartitionMetadata, PARTITION_METADATA_FILE, parsePartitionMetadata } from './partition-metadata.ts';

/** `absent`: there is no such file, or none that can be read: whose it is must be written; `ours`; `other`. */
export type DirectoryOwner = 'absent' | 'ours' | 'other';

export async function adoptDirectory(disk: Disk, directory: string, topicId: string): Promise<DirectoryOwner> {
  const content = await readFileIfThere(disk, `${directory}/${PARTITION_METADATA_FILE}`);
  const found = content === undefined ? undefined : parsePartitionMetadata(content.toString('latin1'));
  if (found === undefined) return 'absent';
  return found === topicId ? 'ours' : 'other';
}

/** Writes whose the directory is, durably up to the sync of the directory above it. */
export async function claimDirectory(disk: Disk, sync: FileSync, directory: string, topicId: string): Promise<void> {
  const metadata = Buffer.from(formatPartitionMetadata(topicId));
  await replaceFile(disk, sync, `${directory}/${PARTITION_METADATA_FILE}`, metadata);
  await disk.syncDirectory(directory);
}

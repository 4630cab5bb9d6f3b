/**
 * partition.metadata of a partition directory: `version: 0\ntopic_id: <22 characters>`, with no final newline. It says to
 * which topic the files beside it belong, so that a topic that was deleted and made anew never finds its old log (H-19); it
 * is on the disk before the first append. Source: Kafka's PartitionMetadataFile.
 */

export const PARTITION_METADATA_FILE = 'partition.metadata';

const CONTENT = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/;

/** The topic id; undefined when the file does not parse. */
export function parsePartitionMetadata(text: string): string | undefined {
  return CONTENT.exec(text)?.[1];
}

export function formatPartitionMetadata(topicId: string): string {
  return `version: 0\ntopic_id: ${topicId}`;
}

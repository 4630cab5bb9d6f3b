/**
 * The partition of `__consumer_offsets` (0 to `partitionCount` - 1) that keeps the group's records, as Kafka's
 * GroupCoordinatorService.partitionFor finds it. `partitionCount` is that of the topic when it was made, and must never change.
 */
export function offsetsPartitionOf(groupId: string, partitionCount: number): number {
  return javaAbs(javaStringHash(groupId)) % partitionCount;
}

/** Java's String.hashCode: over UTF-16 units, in signed 32 bits. */
function javaStringHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  }
  return hash;
}

/** Kafka's Utils.abs: the one number without a positive counterpart gives 0. */
function javaAbs(value: number): number {
  return value === -0x8000_0000 ? 0 : Math.abs(value);
}

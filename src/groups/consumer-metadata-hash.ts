/**
 * One number for the topics that a group subscribes to, in record 3: another one says that a topic came, went, grew or was made again.
 *
 *     topic   u8 0 | i64 id, first half | i64 id, second half | name | i32 partition count | per partition: i32 its index
 *     name    UTF-16 units | i32 how many
 *     group   i64 a topic's hash, topic by topic in the order of their names
 *
 * All little endian; XXH3 over each. Kafka's has the racks of the replicas behind each partition; brokers have no racks here.
 * Source: Kafka's Utils.java (computeTopicHash, computeGroupHash).
 */
import { xxh3 } from '../kernel/xxh3.ts';
import type { TopicsView } from './topics-view.ts';

/** Signed, as the record has it; 0 when none of the topics exists. Names may come twice, in any order. */
export function metadataHashOf(topicNames: Iterable<string>, topics: TopicsView): bigint {
  const hashes: bigint[] = [];
  for (const name of [...new Set(topicNames)].sort()) {
    const topic = topics.byName(name);
    if (topic !== undefined) hashes.push(topicHash(topic.topicId, name, topic.partitionCount));
  }
  return groupHash(hashes);
}

/** `topicId` in Kafka's base64 form. */
export function topicHash(topicId: string, name: string, partitionCount: number): bigint {
  const units = Buffer.from(name, 'utf16le');
  const bytes = Buffer.alloc(25 + units.length + 4 * partitionCount);
  const id = Buffer.from(topicId, 'base64url');
  bytes.writeBigUInt64LE(id.readBigUInt64BE(0), 1);
  bytes.writeBigUInt64LE(id.readBigUInt64BE(8), 9);
  units.copy(bytes, 17);
  let end = bytes.writeInt32LE(name.length, 17 + units.length);
  end = bytes.writeInt32LE(partitionCount, end);
  for (let partition = 0; partition < partitionCount; partition++) end = bytes.writeInt32LE(partition, end);
  return BigInt.asIntN(64, xxh3(bytes));
}

/** Of the hashes of topics in the order of their names. */
export function groupHash(topicHashes: readonly bigint[]): bigint {
  if (topicHashes.length === 0) return 0n;
  const bytes = Buffer.alloc(8 * topicHashes.length);
  for (const [index, hash] of topicHashes.entries()) bytes.writeBigInt64LE(hash, 8 * index);
  return BigInt.asIntN(64, xxh3(bytes));
}

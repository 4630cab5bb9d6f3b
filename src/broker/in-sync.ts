/** Whether enough replicas hold what is appended (H-6). */
import type { PartitionImage } from '../cluster/cluster-image.ts';
import { KafkaError } from '../protocol/errors.ts';

/**
 * Before an append that all in-sync replicas are to have. Of a partition with fewer replicas than `min.insync.replicas` asks for, all
 * must be in sync (Kafka's Partition.effectiveMinIsr).
 * @throws KafkaError NOT_ENOUGH_REPLICAS
 */
export function checkInSync(
  { isr, replicas }: Pick<PartitionImage, 'isr' | 'replicas'>,
  minInsyncReplicas: number,
): void {
  const wantedCount = Math.min(minInsyncReplicas, replicas.length);
  if (isr.length >= wantedCount) return;
  throw new KafkaError('NOT_ENOUGH_REPLICAS', `in-sync replicas: ${isr.length}, min.insync.replicas: ${wantedCount}`);
}

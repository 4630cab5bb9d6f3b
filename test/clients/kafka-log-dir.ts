/**
 * Puts the files of a log directory of ours in the place of a real Kafka's, by the steps of docs/to-a-real-kafka.md. Both brokers are
 * stopped; the topics are there in both.
 */
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What Kafka keeps in a partition's folder: it names the topic's id there. */
const KEPT = 'partition.metadata';
export const CLEAN_MARKER = '.kafka_cleanshutdown';
export const CHECKPOINTS = [
  'recovery-point-offset-checkpoint',
  'log-start-offset-checkpoint',
  'replication-offset-checkpoint',
  'cleaner-offset-checkpoint',
] as const;

/** Takes the files of one partition, `<topic>-<partition>`, from one log directory to another, where it has its folder. */
export function replacePartition(from: string, to: string, partition: string): void {
  const target = join(to, partition);
  for (const name of readdirSync(target)) {
    if (name !== KEPT) rmSync(join(target, name));
  }
  for (const name of readdirSync(join(from, partition))) {
    if (name !== KEPT) copyFileSync(join(from, partition, name), join(target, name));
  }
}

/** Takes the checkpoints too: where logs begin, and what of a compacted one is clean. Kafka's partitions are only those of ours. */
export function replaceCheckpoints(from: string, to: string): void {
  removeCheckpoints(to);
  for (const name of CHECKPOINTS) {
    if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name));
  }
}

/** So that nothing says what a log holds but its own files. */
export function removeCheckpoints(directory: string): void {
  for (const name of CHECKPOINTS) rmSync(join(directory, name), { force: true });
}

/**
 * leader-epoch-checkpoint of a partition directory. Text:
 *
 *   0\n                          version
 *   <number of entries>\n
 *   <epoch> <start offset>\n     both strictly increasing
 *
 * Source: Kafka's LeaderEpochCheckpointFile. It is written only when an entry came or went, never for an open alone. It can
 * be derived from the batches, so a file that does not parse counts as none and is rebuilt.
 */
import { checkpointLines } from './checkpoint-file.ts';
import type { EpochEntry } from './leader-epochs.ts';

export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint';

const LINE = /^(\d{1,10}) (\d{1,16})$/;

/** undefined when version, count, a line or the order is wrong. */
export function parseLeaderEpochFile(text: string): readonly EpochEntry[] | undefined {
  const lines = checkpointLines(text);
  if (lines === undefined) return undefined;
  const entries: EpochEntry[] = [];
  for (const line of lines) {
    const match = LINE.exec(line);
    if (match === null) return undefined;
    const entry = { epoch: Number(match[1]), startOffset: Number(match[2]) };
    const last = entries[entries.length - 1];
    if (!Number.isSafeInteger(entry.startOffset)) return undefined;
    if (last !== undefined && (entry.epoch <= last.epoch || entry.startOffset <= last.startOffset)) return undefined;
    entries.push(entry);
  }
  return entries;
}

export function formatLeaderEpochFile(entries: readonly EpochEntry[]): string {
  return `0\n${entries.length}\n${entries.map((entry) => `${entry.epoch} ${entry.startOffset}\n`).join('')}`;
}

/**
 * Which leader epoch began at which offset: plain data and pure functions. Epochs and start offsets both strictly increase;
 * an epoch that wrote nothing has no entry of its own once the next one begins at the same offset.
 * Source: Kafka's LeaderEpochFileCache, and KIP-101, KIP-279 for `endOffsetForEpoch`.
 */

export interface EpochEntry {
  readonly epoch: number;
  readonly startOffset: number;
}

/** "No such epoch" and "no such offset" in answers about epochs. */
export const UNDEFINED_EPOCH = -1;
export const UNDEFINED_EPOCH_OFFSET = -1;

/**
 * The entries once `epoch` begins at `startOffset`: the same array when that says nothing new. Entries that conflict with it
 * (a higher epoch, or the same offset or a later one) are dropped (H-3).
 */
export function assignEpoch(entries: readonly EpochEntry[], epoch: number, startOffset: number): readonly EpochEntry[] {
  const last = entries[entries.length - 1];
  if (last !== undefined && last.epoch === epoch && last.startOffset <= startOffset) return entries;
  const kept = entries.filter((entry) => entry.epoch < epoch && entry.startOffset < startOffset);
  return [...kept, { epoch, startOffset }];
}

/** The epoch that `offset` belongs to; -1 when it lies before the first that the log knows. */
export function epochAt(entries: readonly EpochEntry[], offset: number): number {
  return entries.findLast(({ startOffset }) => startOffset <= offset)?.epoch ?? UNDEFINED_EPOCH;
}

/** The entries of a log that ends before `endOffset`. */
export function cutEpochsFromEnd(entries: readonly EpochEntry[], endOffset: number): readonly EpochEntry[] {
  const kept = entries.filter((entry) => entry.startOffset < endOffset);
  return kept.length === entries.length ? entries : kept;
}

/**
 * The entries of a log that begins at `startOffset`: the epoch of that offset begins there, those before it are gone; the same
 * array when nothing is. Source: Kafka's LeaderEpochFileCache.truncateFromStart.
 */
export function cutEpochsFromStart(entries: readonly EpochEntry[], startOffset: number): readonly EpochEntry[] {
  const first = entries.findLastIndex((entry) => entry.startOffset <= startOffset);
  const entry = entries[first];
  if (entry === undefined || (first === 0 && entry.startOffset === startOffset)) return entries;
  return [{ epoch: entry.epoch, startOffset }, ...entries.slice(first + 1)];
}

/**
 * The largest epoch that is not above `epoch`, and where it ends (exclusive): the start of the next one, or the log's end.
 * Both are -1 when the log knows no epoch as high. When `epoch` is below all that the log knows, it is answered itself with
 * the start of the first epoch above it.
 */
export function endOffsetForEpoch(
  entries: readonly EpochEntry[],
  epoch: number,
  logEndOffset: number,
): { leaderEpoch: number; endOffset: number } {
  const last = entries[entries.length - 1];
  if (epoch === UNDEFINED_EPOCH || last === undefined || epoch > last.epoch) {
    return { leaderEpoch: UNDEFINED_EPOCH, endOffset: UNDEFINED_EPOCH_OFFSET };
  }
  if (epoch === last.epoch) return { leaderEpoch: epoch, endOffset: logEndOffset };
  const higher = entries.findIndex((entry) => entry.epoch > epoch);
  const endOffset = entries[higher]?.startOffset ?? logEndOffset;
  return { leaderEpoch: entries[higher - 1]?.epoch ?? epoch, endOffset };
}

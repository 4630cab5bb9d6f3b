/**
 * The producers of a log that is recovered (H-14): from the newest snapshot that is whole, and the batches behind it. A broken
 * snapshot is removed, as Kafka does, and an older one and more batches take its place.
 */
import { PRODUCERS_FILE_BYTES_MAX, readFileIfThere } from './atomic-file.ts';
import type { FoundSegment, LoadedLog, LoadOptions } from './loaded-log.ts';
import { parseProducerSnapshot } from './producer-snapshot.ts';
import { ProducerTable } from './producer-table.ts';
import { segmentFileName } from './segment-files.ts';

/** The producer snapshots of a partition. */
export interface FoundSnapshots {
  /** The offsets in their names, ascending. */
  readonly offsets: readonly number[];
  /** Those of them that were read and are broken. */
  readonly broken: Set<number>;
}

export interface ProducersAtBase {
  /** Of the segment at whose base the producers are those of `producers`. */
  readonly index: number;
  readonly producers: ProducerTable;
}

/**
 * The producers at the base of the newest of the segments up to `index` whose snapshot is there and whole. Where there is none,
 * nothing is known before the first segment.
 */
export async function producersAtBase(
  options: LoadOptions,
  snapshots: FoundSnapshots,
  found: readonly FoundSegment[],
  index: number,
): Promise<ProducersAtBase> {
  for (let at = index; at >= 0; at -= 1) {
    const base = found[at]?.baseOffset ?? 0;
    const producers = snapshots.offsets.includes(base) ? await readSnapshot(options, snapshots, base) : undefined;
    if (producers !== undefined) return { index: at, producers };
  }
  return { index: 0, producers: ProducerTable.of([]) };
}

/** Puts into `producers` those that wrote nothing in the walked part: from the newest snapshot that is whole, or the close record. */
export async function addMissingProducers(
  options: LoadOptions,
  producers: ProducerTable,
  snapshots: FoundSnapshots,
  endOffset: number,
): Promise<void> {
  const add = (older: ProducerTable): void => {
    for (const entry of older.all()) if (producers.get(entry.producerId) === undefined) producers.set(entry);
  };
  for (const offset of [...snapshots.offsets].reverse()) {
    const snapshot = offset <= endOffset ? await readSnapshot(options, snapshots, offset) : undefined;
    if (snapshot === undefined) continue;
    add(snapshot);
    break;
  }
  if (options.closed !== undefined) add(options.closed.producers);
}

/** Kafka keeps the snapshots at the bases of segments, and the newest one. */
export async function removeStraySnapshots(
  options: LoadOptions,
  snapshots: FoundSnapshots,
  loaded: LoadedLog,
): Promise<void> {
  const { segments, closeSnapshot } = loaded;
  const kept = new Set(segments.map(({ baseOffset }) => baseOffset));
  for (const offset of snapshots.broken) kept.delete(offset);
  if (closeSnapshot !== undefined) kept.add(closeSnapshot);
  // That a roll made an empty segment, only the name of its snapshot says.
  const active = segments[segments.length - 1];
  if (active?.writtenBytes === 0) kept.add(active.baseOffset);
  for (const offset of snapshots.offsets) {
    if (kept.has(offset)) continue;
    const path = pathOf(options, offset);
    if (snapshots.broken.has(offset)) options.env.log.warn(`${path} is broken: its producers come from the batches`);
    await options.env.disk.remove(path);
  }
}

/** undefined when it is missing or broken. */
async function readSnapshot(
  options: LoadOptions,
  { broken }: FoundSnapshots,
  offset: number,
): Promise<ProducerTable | undefined> {
  if (broken.has(offset)) return undefined;
  const content = await readFileIfThere(options.env.disk, pathOf(options, offset), PRODUCERS_FILE_BYTES_MAX);
  const producers = content === undefined ? undefined : parseProducerSnapshot(content, options.env.clock.wallMs());
  if (producers === undefined) broken.add(offset);
  return producers;
}

function pathOf(options: LoadOptions, offset: number): string {
  return `${options.directory}/${segmentFileName(offset, '.snapshot')}`;
}

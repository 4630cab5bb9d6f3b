/**
 * The producer snapshot of a log that is at the base of no segment: as Kafka does, one of those is kept, the newest. Besides,
 * which snapshot must be on the disk before segments are deleted: producers that wrote only to those are known by it alone.
 */
import { PRODUCERS_FILE_BYTES_MAX, readFileIfThere } from './atomic-file.ts';
import type { LogFiles } from './log-files.ts';
import type { LogHost } from './log-host.ts';
import { parseProducerSnapshot } from './producer-snapshot.ts';
import type { SegmentContext } from './segment.ts';
import { segmentFileName } from './segment-files.ts';
import type { SegmentList } from './segment-list.ts';

export interface SnapshotParts {
  readonly host: LogHost;
  readonly context: SegmentContext;
  readonly files: LogFiles;
  readonly segments: SegmentList;
}

export class NewestSnapshot {
  readonly #parts: SnapshotParts;
  #offset: number | undefined;

  /** `offset`: in the name of the one that is there; undefined when there is none. */
  constructor(parts: SnapshotParts, offset: number | undefined) {
    this.#parts = parts;
    this.#offset = offset;
  }

  /** Writes the one of `offset`, not durably, and removes the one before it. */
  async replace(offset: number, snapshot: Buffer): Promise<void> {
    const { files, segments } = this.#parts;
    await files.writeSnapshot(offset, snapshot);
    const before = this.#offset;
    this.#offset = offset;
    if (before === undefined || before === offset) return;
    if (segments.floor(before)?.baseOffset !== before) await files.removeSnapshot(before);
  }

  /** Makes the one of `offset` durable, name and all; false when it is missing or broken. */
  async makeDurable(offset: number): Promise<boolean> {
    const { host, context } = this.#parts;
    const { directory } = context;
    const { disk, clock } = host.env;
    const path = `${directory}/${segmentFileName(offset, '.snapshot')}`;
    const content = await readFileIfThere(disk, path, PRODUCERS_FILE_BYTES_MAX);
    if (content === undefined || parseProducerSnapshot(content, clock.wallMs()) === undefined) return false;
    const file = await disk.open(path, 'r+');
    try {
      await host.sync.run(file);
    } finally {
      await file.close();
    }
    await disk.syncDirectory(directory);
    return true;
  }
}

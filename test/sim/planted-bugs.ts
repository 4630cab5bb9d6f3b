/**
 * Bugs that are planted to see whether the simulation finds them (T-A3): each a change of one or two places of the source, made
 * on the way into the bundle. What they stand for: an order that is not kept, a promise before its time, a fact that is
 * trusted and should not be.
 */
import type { SourcePatch } from './bundle.ts';
import { PLANTED_GROUP_BUGS } from './planted-group-bugs.ts';

/** `seeds`: one seed after the other; `crash points`: every call of stories, at which the process or the power goes. */
export type Lane = 'seeds' | 'crash points';

export interface PlantedBug {
  readonly name: string;
  readonly what: string;
  readonly lane: Lane;
  /** Whose seeds are run, or which stories. */
  readonly scenarios: readonly string[];
  readonly patches: readonly SourcePatch[];
  /** Found so soon that `npm test` looks. */
  readonly isQuick?: boolean;
}

function change(file: string, find: string, replace: string): SourcePatch {
  return { file: `src/${file}`, find, replace };
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'ack-before-sync',
    what: 'the log is called durable without a sync',
    lane: 'seeds',
    scenarios: ['directory-life'],
    isQuick: true,
    patches: [change('log/unsynced-files.ts', 'await this.#sync.run(unsynced.file);', '')],
  },
  {
    name: 'folder-not-synced',
    what: 'the folder of a new segment is not synced',
    lane: 'crash points',
    scenarios: ['first-append', 'rolls'],
    patches: [change('log/log-files.ts', 'await env.disk.syncDirectory(this.#directory);', '')],
  },
  {
    name: 'high-watermark-ahead',
    what: 'with durability `ack` the high watermark counts from what is written',
    lane: 'seeds',
    scenarios: ['directory-life'],
    patches: [
      change(
        'log/log-writer.ts',
        "this.#config.durability === 'ack' ? this.durableEnd : this.writtenEnd",
        'this.writtenEnd',
      ),
    ],
  },
  {
    name: 'failed-sync-retried',
    what: 'a sync that failed is tried again until it succeeds, and then believed',
    lane: 'seeds',
    scenarios: ['bad-disk'],
    patches: [
      change(
        'log/unsynced-files.ts',
        "throw new SyncFailed('a sync of the log failed', { cause });",
        'return void cause;',
      ),
    ],
  },
  {
    name: 'error-taken-for-shortage',
    what: 'a write that fails with EIO is cut back as on a full disk, and the log goes on',
    lane: 'seeds',
    scenarios: ['bad-disk'],
    patches: [
      change(
        'log/flusher.ts',
        'return cause instanceof NotAllowedToWrite || isShortage(cause);',
        'return !(cause instanceof SyncFailed);',
      ),
    ],
  },
  {
    name: 'short-write-not-cut',
    what: 'after a write that a full disk cut short the file keeps its torn end',
    lane: 'seeds',
    scenarios: ['bad-disk', 'keeper'],
    patches: [change('log/log-files.ts', 'await active.file.truncate(segment.writtenBytes);', '')],
  },
  {
    name: 'old-marker-trusted',
    what: 'the removal of the clean marker is not made durable, and a marker counts whatever epoch it has',
    lane: 'crash points',
    scenarios: ['open', 'take-over', 'close'],
    patches: [
      change(
        'log/log-directory.ts',
        'if (rootThere && (marker !== undefined || !closedCleanly)) await env.disk.syncDirectory(directory);',
        '',
      ),
      change(
        'log/log-directory.ts',
        'return previousBrokerEpoch === undefined || epoch === previousBrokerEpoch;',
        'return true;',
      ),
    ],
  },
  {
    name: 'failed-log-closed-cleanly',
    what: 'a log whose sync failed is closed as if all of it were on the disk',
    lane: 'seeds',
    scenarios: ['bad-disk'],
    patches: [
      change('log/log-directory.ts', 'if (log.failed !== undefined) clean = false;', ''),
      change('log/closing-log.ts', "if (writer.failed !== undefined) return 'unclean';", ''),
    ],
  },
  {
    name: 'recovery-without-checksums',
    what: 'recovery does not compare checksums',
    lane: 'seeds',
    scenarios: ['directory-life'],
    patches: [
      change(
        'log/recovery-walk.ts',
        "if (whole && batch.crc(bytes, at) !== batch.computeCrc(bytes, at)) return 'bad';",
        '',
      ),
    ],
  },
  {
    name: 'torn-tail-kept',
    what: 'recovery leaves a torn or zeroed tail in the file',
    lane: 'crash points',
    scenarios: ['rolls', 'recovery', 'first-append'],
    patches: [change('log/recovery-cut.ts', 'await file.truncate(end.position);', '')],
  },
  {
    name: 'recovered-tail-not-synced',
    what: 'what recovery keeps is neither written again nor synced',
    lane: 'seeds',
    scenarios: ['directory-life'],
    isQuick: true,
    patches: [
      change('log/recovery-cut.ts', 'await rewrite(file, durableBytes, end.position);', 'void rewrite;'),
      change('log/recovery-cut.ts', 'await sync.run(file);', 'void sync;'),
    ],
  },
  {
    name: 'recovered-tail-not-rewritten',
    what: 'what recovery keeps is synced without being written again: after a failed sync the page cache calls it clean',
    lane: 'seeds',
    scenarios: ['bad-disk'],
    patches: [change('log/recovery-cut.ts', 'await rewrite(file, durableBytes, end.position);', 'void rewrite;')],
  },
  {
    name: 'windows-lost-at-clean-open',
    what: 'an open after a clean close forgets the producers',
    lane: 'seeds',
    scenarios: ['idempotence'],
    isQuick: true,
    patches: [change('log/loader.ts', 'producers: closed.producers,', 'producers: ProducerTable.of([]),')],
  },
  {
    name: 'windows-not-replayed',
    what: 'recovery does not replay batches into the producers’ windows',
    lane: 'seeds',
    scenarios: ['idempotence'],
    patches: [
      change(
        'log/recovery-walk.ts',
        'if (baseOffset >= state.producersFrom) replayProducer',
        'if (baseOffset > Number.MAX_SAFE_INTEGER) replayProducer',
      ),
    ],
  },
  {
    name: 'sequence-gap-taken',
    what: 'a batch behind a gap in its producer’s sequence is appended',
    lane: 'seeds',
    scenarios: ['idempotence'],
    isQuick: true,
    patches: [
      change(
        'log/producer-state.ts',
        'if (baseSequence !== expected) throw outOfOrder',
        'if (baseSequence < expected) throw outOfOrder',
      ),
    ],
  },
  {
    name: 'repeat-acked-early',
    what: 'a batch that is sent again is acked although its first attempt is not durable yet',
    lane: 'seeds',
    scenarios: ['idempotence', 'directory-life'],
    patches: [
      change(
        'log/log-writer.ts',
        'committed: mark.lastOffset < this.#highWatermark ? Promise.resolve() : this.#waiters.covering(mark.lastOffset),',
        'committed: Promise.resolve(),',
      ),
    ],
  },
  {
    name: 'registration-replaces',
    what: 'an entry of the metadata log gets its name by rename(), which replaces, not by link()',
    lane: 'seeds',
    scenarios: ['places'],
    isQuick: true,
    patches: [
      change(
        'cluster/durable-file.ts',
        'await env.disk.link(temporary, path);',
        'await env.disk.rename(temporary, path);',
      ),
    ],
  },
  {
    name: 'uncommitted-read',
    what: 'a fetch goes to the log’s end, not to the high watermark',
    lane: 'seeds',
    scenarios: ['directory-life'],
    patches: [change('log/partition-reads.ts', "request.upTo === 'logEnd' ? logEndOffset : bound", 'logEndOffset')],
  },
  {
    name: 'fetch-skips-batch',
    what: 'a fetch from the middle of a batch begins with the next one',
    lane: 'seeds',
    scenarios: ['directory-life'],
    isQuick: true,
    patches: [
      change(
        'log/log-reader.ts',
        "if (batch.lastOffset(bytes, at) >= offset) return 'stop';",
        "if (batch.baseOffset(bytes, at) >= offset) return 'stop';",
      ),
    ],
  },
  {
    name: 'segments-go-before-start',
    what: 'segments lose their names before the log’s new start is durable',
    lane: 'crash points',
    scenarios: ['retention'],
    patches: [change('log/log-starts.ts', 'await disk.syncDirectory(this.#directory);', '')],
  },
  {
    name: 'retention-takes-too-much',
    what: 'retention by size takes one segment more than the limit lets go',
    lane: 'seeds',
    scenarios: ['keeper'],
    patches: [change('log/retention-rules.ts', 'spareBytes >= segment.bytes;', 'spareBytes > 0;')],
  },
  {
    name: 'start-before-it-is-durable',
    what: 'DeleteRecords is answered before the new start is durable',
    lane: 'crash points',
    scenarios: ['delete-records', 'stale-line'],
    patches: [
      change(
        'log/partition-log.ts',
        'await this.#saveStart(offset);',
        'void this.#saveStart(offset).catch(() => undefined);',
      ),
    ],
  },
  {
    name: 'stale-start-trusted',
    what: 'the start in an old line of the close record counts, whatever was deleted since',
    lane: 'crash points',
    scenarios: ['stale-line'],
    patches: [
      change(
        'log/loader.ts',
        'logStartOffset: Math.max(closed.logStartOffset, proven),',
        'logStartOffset: Math.min(closed.logStartOffset, proven + closed.logStartOffset),',
      ),
    ],
  },
  {
    name: 'folder-of-old-topic-adopted',
    what: 'the folder of a deleted topic is left behind by a kill, and a topic of the same name takes it',
    lane: 'seeds',
    scenarios: ['topics-come-and-go'],
    patches: [
      change('log/log-directory.ts', 'if (!closedCleanly) await logs.#folders.clear(options.topics);', ''),
      change(
        'log/partition-directory.ts',
        "if (found === topicId) return 'ours';",
        "if (found !== undefined) return 'ours';",
      ),
    ],
  },
  {
    name: 'epoch-not-raised',
    what: 'the leader epoch stays the same after an unclean end',
    lane: 'seeds',
    scenarios: ['directory-life'],
    isQuick: true,
    patches: [change('cluster/replay.ts', '...(entry.uncleanClose ? {', '...(entry.uncleanClose === undefined ? {')],
  },
  {
    name: 'epoch-not-durable',
    what: 'a new leader epoch is not written down before its first batch',
    lane: 'seeds',
    scenarios: ['directory-life'],
    patches: [
      change('log/log-files.ts', 'await this.#replaceEpochsDurably(epochs);\n      return known', 'return known'),
    ],
  },
  {
    name: 'wrong-error-after-append',
    what: 'a batch that may be in the log is refused as if it never would be',
    lane: 'seeds',
    scenarios: ['keeper', 'idempotence'],
    patches: [
      change(
        'log/log-writer.ts',
        "this.#failed ??= storageError('the log is offline after a failed write or sync', cause);",
        "this.#failed ??= new KafkaError('INVALID_RECORD', 'the log is offline after a failed write or sync', { cause });",
      ),
    ],
  },
  {
    name: 'last-base-taken-for-durable',
    what: 'with durability `os` the base of the last segment counts as durable',
    lane: 'crash points',
    scenarios: ['rolls-in-os', 'rolls-in-interval'],
    patches: [
      change(
        'log/recovery-cases.ts',
        'bases[bases.length - 1 - unsyncedCountMax]',
        'bases[bases.length - 1 - 0 * unsyncedCountMax]',
      ),
    ],
  },
  {
    name: 'left-segment-not-synced',
    what: 'the segment that a roll leaves is never synced',
    lane: 'crash points',
    scenarios: ['rolls-in-os', 'rolls-in-interval'],
    patches: [
      change(
        'log/flusher.ts',
        'await (isSyncedFirst ? this.#unsynced.syncUpTo(this.#writtenEnd) : this.#unsynced.makeRoom());',
        'void isSyncedFirst;',
      ),
      change('log/unsynced-files.ts', 'this.#sealed.push(left);', ''),
    ],
  },
  {
    name: 'damage-cut',
    what: 'a bad batch before the durable point ends the log, and what follows is cut',
    lane: 'seeds',
    scenarios: ['served-damage'],
    patches: [
      change(
        'log/recovery-cases.ts',
        "when: { next: 'none', bytes: 'bad', place: 'beforeDurable' }, answer: 'damage' },",
        "when: { next: 'none', bytes: 'bad', place: 'beforeDurable' }, answer: 'cut' },",
      ),
    ],
  },
  ...PLANTED_GROUP_BUGS,
];

/**
 * What to do with a partition's files when it is opened: pure decisions from facts (C-3, C-4, C-6, contract 4.4). The loader
 * gathers the facts and carries the decisions out.
 *
 * The durable point is an offset below which everything was once known to be on the disk: the recovery point, which moves only
 * after a sync, the end that the last clean close noted, or the base of the last segment, as a segment is left for the next
 * one only when all of it is on the disk. Past it a crash may leave anything; before it nothing may be
 * missing, and what is missing is damage that no cut may hide.
 */

export interface OpenFacts {
  /** Whether there is any segment file. */
  readonly hasSegments: boolean;
  /** Whether the marker of a clean close is there and of the right broker epoch. */
  readonly closedCleanly: boolean;
  /** What the close record says against what is there; undefined when it has no line of this topic id. */
  readonly record: { readonly sameSegments: boolean; readonly sameActiveBytes: boolean } | undefined;
}

/** `fresh`: an empty log without files; `trust`: as the close record says, nothing is scanned; `recover`: scan. */
export type OpenDecision = 'fresh' | 'trust' | 'recover';

export function decideOpen(facts: OpenFacts): OpenDecision {
  if (!facts.hasSegments) return 'fresh';
  if (!facts.closedCleanly || facts.record === undefined) return 'recover';
  return facts.record.sameSegments && facts.record.sameActiveBytes ? 'trust' : 'recover';
}

/**
 * Whether the log's beginning, or all of it, was there and is gone. `firstBase`: of the first segment, undefined without any;
 * `logStartOffset`, `durablePoint`: what close record and checkpoints say, 0 when nothing. Nothing is deleted at the front of
 * a log before its new start is on the disk.
 */
export function beginningIsGone(firstBase: number | undefined, logStartOffset: number, durablePoint: number): boolean {
  return firstBase === undefined ? durablePoint > 0 : firstBase > logStartOffset;
}

export interface ScanFacts {
  /** The offset after the last valid batch. */
  readonly endOffset: number;
  /** Whether bytes that are no valid batch follow it. */
  readonly badBytes: boolean;
  /** Whether segments follow the one in which that is. */
  readonly moreSegments: boolean;
  readonly durablePoint: number;
}

/**
 * `keep`: the log ends there; `cut`: it ends there once the bytes that follow are gone; `damage`: the files stay as they are,
 * the partition takes no appends and serves what lies before the damage.
 */
export type ScanDecision = 'keep' | 'cut' | 'damage';

export function decideAfterScan(facts: ScanFacts): ScanDecision {
  if (facts.endOffset < facts.durablePoint || facts.moreSegments) return 'damage';
  return facts.badBytes ? 'cut' : 'keep';
}

export interface ReplayFacts {
  /** Base offsets and sizes of all segments, ascending. */
  readonly segments: readonly { readonly baseOffset: number; readonly logBytes: number }[];
  readonly durablePoint: number;
  /** The end of the log at the last clean close; undefined without a close record. */
  readonly closedEnd: number | undefined;
  /** Whether leader-epoch-checkpoint was read. */
  readonly hasEpochs: boolean;
  /** Base offset of the first segment that the close record lists and that is gone; undefined when all are there. */
  readonly missingSegment: number | undefined;
}

/**
 * So many bytes before the end of the log are replayed for the producers' windows when there is no close record that is newer:
 * the snapshot at the first of those segments' base has one batch of each producer, and the batches a client may still send
 * again (five in flight, sent within minutes before the crash) lie in what follows. Headers alone are read.
 */
const PRODUCER_REPLAY_BYTES = 256 * 1024 * 1024;

export interface ReplayPlan {
  /** The first segment that is walked. */
  readonly firstIndex: number;
  /** Where the producers come from: the close record, or the snapshot at the base of the segment with this index. */
  readonly producersFrom: 'record' | number;
}

/**
 * Which segments a recovery walks. `segments` is not empty. Whether an empty one is the next of the log or what a roll that
 * failed left is seen by where the one before it ends, so that is walked too.
 */
export function planReplay(facts: ReplayFacts): ReplayPlan {
  const { segments, durablePoint, closedEnd } = facts;
  let recent = segments.length - 1;
  let byteCount = segments[recent]?.logBytes ?? 0;
  while (recent > 0 && byteCount < PRODUCER_REPLAY_BYTES) {
    recent -= 1;
    byteCount += segments[recent]?.logBytes ?? 0;
  }
  const byRecord = closedEnd === undefined ? -1 : holding(segments, closedEnd);
  const useRecord = byRecord >= recent;
  const forProducers = useRecord ? byRecord : recent;
  const needed = [forProducers, holding(segments, durablePoint)];
  if (!facts.hasEpochs) needed.push(0);
  if (facts.missingSegment !== undefined) needed.push(holding(segments, facts.missingSegment));
  const empty = segments.findIndex(({ logBytes }, index) => index > 0 && logBytes === 0);
  if (empty > 0) needed.push(empty - 1);
  const first = Math.min(...needed);
  return { firstIndex: Math.max(0, first), producersFrom: useRecord ? 'record' : recent };
}

/** Index of the segment that holds `offset`, -1 below the first. */
function holding(segments: readonly { readonly baseOffset: number }[], offset: number): number {
  let index = segments.length - 1;
  while (index >= 0 && (segments[index]?.baseOffset ?? 0) > offset) index -= 1;
  return index;
}

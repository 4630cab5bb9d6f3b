/**
 * What to do with a partition's files when it is opened: tables of cases, pure decisions from facts (C-3, C-4, C-6, contract
 * 4.4). The loader and the recovery gather the facts and carry the decisions out. In a table every combination of facts meets
 * exactly one row, so that their order means nothing.
 *
 * The durable point is an offset below which everything was once known to be on the disk. Past it a crash may leave anything;
 * before it nothing may be missing, and what is missing is damage that no cut may hide.
 */
import { assert } from '../kernel/assert.ts';

/** A row holds where all facts that it names have these values; a fact that it does not name may be anything. */
export interface CaseRow<F, D> {
  readonly name: string;
  readonly when: Partial<F>;
  readonly answer: D;
}

/** What the row says that holds. @throws AssertionError when none does */
export function decide<F extends object, D>(rows: readonly CaseRow<F, D>[], facts: F): D {
  const row = rows.find(({ when }) => holds(when, facts));
  assert(row !== undefined, `a case for ${JSON.stringify(facts)}`);
  return row.answer;
}

/** Whether `facts` have every value that `when` names. */
export function holds<F extends object>(when: Partial<F>, facts: F): boolean {
  for (const key in when) if (when[key] !== facts[key]) return false;
  return true;
}

/** Of a whole partition. */
export interface OpenFacts {
  /** `late`: the first one begins after the log start, which was made durable before anything was deleted. */
  readonly segments: 'none' | 'late' | 'some';
  /** Whether close record or recovery point of this topic id say that there was something. */
  readonly promised: boolean;
  /** Whether the marker of a clean close is there, of the broker's newest epoch (C-6, H-10). */
  readonly marker: boolean;
  /** The close record's line of this topic id; `damaged`: it tells of damage that was found while the log was served. */
  readonly record: 'none' | 'damaged' | 'line';
  /** Whether the segments and the last one's size are those of the line. */
  readonly sameFiles: boolean;
  /** Whether leader-epoch-checkpoint is there, parses, and is what the line says. */
  readonly epochs: boolean;
}

/**
 * `fresh`: an empty log without files; `trust`: as the close record says, nothing is scanned; `recover`: scan; `damage`: its
 * beginning, or all of it, was there and is gone: it takes nothing, as to begin anew would give its offsets to other records.
 */
export type OpenDecision = 'fresh' | 'trust' | 'recover' | 'damage';

const CLOSED = { segments: 'some', marker: true, record: 'line' } as const;

export const OPEN_CASES: readonly CaseRow<OpenFacts, OpenDecision>[] = [
  { name: 'O0 all segments are gone', when: { segments: 'none', promised: true }, answer: 'damage' },
  { name: 'O0b the first segments are gone', when: { segments: 'late' }, answer: 'damage' },
  { name: 'O1 nothing was written', when: { segments: 'none', promised: false }, answer: 'fresh' },
  { name: 'O2 no clean close', when: { segments: 'some', marker: false }, answer: 'recover' },
  { name: 'O3 no line', when: { segments: 'some', marker: true, record: 'none' }, answer: 'recover' },
  { name: 'O3b damaged', when: { segments: 'some', marker: true, record: 'damaged' }, answer: 'recover' },
  { name: 'O4 other files than were closed', when: { ...CLOSED, sameFiles: false }, answer: 'recover' },
  { name: 'O5 no epochs', when: { ...CLOSED, sameFiles: true, epochs: false }, answer: 'recover' },
  { name: 'O6 closed cleanly', when: { ...CLOSED, sameFiles: true, epochs: true }, answer: 'trust' },
];

/** Where the valid batches of a segment end. */
export interface TailFacts {
  /** Whether the file ends there too, or goes on with bytes that are no batch which can follow. */
  readonly bytes: 'end' | 'bad';
  /** `continues`: the next segment begins at that offset; `hole`: at another. */
  readonly next: 'none' | 'continues' | 'hole';
  /** Whether that offset is below the durable point. */
  readonly place: 'beforeDurable' | 'pastDurable';
  /** Whether a whole batch is found in the rest: of the segment when the next one `continues`, else of the whole log. */
  readonly follows: boolean;
}

/**
 * `goOn`: to the next segment; `keep`: the log ends there; `cut`: it ends there once the rest of the segment (and of the log,
 * unless the next segment continues) is gone; `setAside`: the same, but the rest is copied first; `damage`: files stay as
 * they are, the partition takes no appends and serves what lies before.
 */
export type TailDecision = 'goOn' | 'keep' | 'cut' | 'setAside' | 'damage';

export const TAIL_CASES: readonly CaseRow<TailFacts, TailDecision>[] = [
  { name: 'T0 the next segment continues', when: { next: 'continues', bytes: 'end' }, answer: 'goOn' },
  { name: 'T1 the end', when: { next: 'none', bytes: 'end', place: 'pastDurable' }, answer: 'keep' },
  { name: 'T2 a hole', when: { next: 'hole', place: 'beforeDurable' }, answer: 'damage' },
  { name: 'T2b a hole with batches', when: { next: 'hole', place: 'pastDurable', follows: true }, answer: 'setAside' },
  { name: 'T2c a hole and nothing', when: { next: 'hole', place: 'pastDurable', follows: false }, answer: 'cut' },
  { name: 'T3 a tail', when: { next: 'continues', bytes: 'bad', follows: false }, answer: 'cut' },
  { name: 'T3b a tail with batches', when: { next: 'continues', bytes: 'bad', follows: true }, answer: 'setAside' },
  {
    name: 'T4 a torn tail',
    when: { next: 'none', bytes: 'bad', place: 'pastDurable', follows: false },
    answer: 'cut',
  },
  {
    name: 'T5 batches behind a bad one',
    when: { next: 'none', bytes: 'bad', place: 'pastDurable', follows: true },
    answer: 'setAside',
  },
  { name: 'T6 a bad batch', when: { next: 'none', bytes: 'bad', place: 'beforeDurable' }, answer: 'damage' },
  { name: 'T7 the end is gone', when: { next: 'none', bytes: 'end', place: 'beforeDurable' }, answer: 'damage' },
];

/** Where a recovered log ends, against the offset that it starts with (contract 4.4.5). */
export interface StartFacts {
  readonly end: 'belowStart' | 'atOrAboveStart';
  readonly durablePoint: 'aboveStart' | 'notAboveStart';
}

/** `keep`: as it was found; `empty`: all of it was deleted, it goes on at its start; `damage`: what lies past its start is gone. */
export type StartDecision = 'keep' | 'empty' | 'damage';

export const START_CASES: readonly CaseRow<StartFacts, StartDecision>[] = [
  { name: 'S1 reaches its start', when: { end: 'atOrAboveStart' }, answer: 'keep' },
  { name: 'S2 all deleted', when: { end: 'belowStart', durablePoint: 'notAboveStart' }, answer: 'empty' },
  { name: 'S3 the end is gone', when: { end: 'belowStart', durablePoint: 'aboveStart' }, answer: 'damage' },
];

export interface DurableFacts {
  /** What the checkpoint says, 0 without one. */
  readonly recoveryPoint: number;
  /** The end of the log at the last clean close. */
  readonly closedEnd: number | undefined;
  /** Base offsets of the segments, ascending, without those that no roll made. */
  readonly bases: readonly number[];
  /** So many sealed segments may wait for their sync at a time. */
  readonly unsyncedCountMax: number;
}

/**
 * The durable point. A segment that is left for the next one is synced in order, but so many may still wait, in the
 * modes that acknowledge before a sync: only what lies before all of those was certainly on the disk.
 */
export function durablePointOf(facts: DurableFacts): number {
  const { bases, unsyncedCountMax, recoveryPoint, closedEnd } = facts;
  const synced = bases[bases.length - 1 - unsyncedCountMax] ?? bases[0] ?? 0;
  return Math.max(recoveryPoint, closedEnd ?? 0, synced);
}

/**
 * The end that a damaged log shows (exclusive): as far as anything tells that it reached, and beyond the damage in any case. Whoever
 * reads to the end meets the damage then; an end that lay before it would make a loss look like the end.
 */
export function endOfDamaged(facts: { damagedAt: number; durablePoint: number; lastBase: number }): number {
  return Math.max(facts.damagedAt + 1, facts.durablePoint, facts.lastBase);
}

export interface LogStartFacts {
  /** Of the close record's line. */
  readonly closed: number | undefined;
  /** Our file of log starts, and what it says of this topic id. */
  readonly state: 'absent' | 'whole' | 'broken';
  readonly offset: number | undefined;
  /** What Kafka's checkpoint says, which has no checksum; undefined when that file is not there. */
  readonly checkpoint: number | undefined;
  readonly firstBase: number | undefined;
}

/**
 * Where the log starts, and whether that is only believed: then no file is removed on its account. Where our file is lost
 * but something tells that there was one, the first segment that is there must be the first.
 */
export function logStartOf(facts: LogStartFacts): { offset: number; believed: boolean } {
  const sure = Math.max(facts.closed ?? 0, facts.state === 'whole' ? (facts.offset ?? 0) : 0);
  const lost = facts.state === 'broken' || (facts.state === 'absent' && facts.checkpoint !== undefined);
  if (!lost) return { offset: sure, believed: false };
  return { offset: Math.max(sure, facts.firstBase ?? 0, facts.checkpoint ?? 0), believed: true };
}

/**
 * Where a segment that was closed begins that is not there, but for those before the first, which retention deleted; or the damage
 * that is known from before. `bases`: of the segments that are there, ascending.
 */
export function suspectOffset(
  bases: readonly number[],
  closed: { readonly segments: readonly { readonly baseOffset: number }[]; readonly damagedAt?: number } | undefined,
): number | undefined {
  const there = new Set(bases);
  const [first = 0] = bases;
  const { segments = [], damagedAt } = closed ?? {};
  const missing = segments.find(({ baseOffset }) => baseOffset > first && !there.has(baseOffset))?.baseOffset;
  if (missing === undefined || damagedAt === undefined) return missing ?? damagedAt;
  return Math.min(missing, damagedAt);
}

export interface ReplayFacts {
  /** Base offsets and sizes of all segments, ascending. */
  readonly segments: readonly { readonly baseOffset: number; readonly logBytes: number }[];
  readonly durablePoint: number;
  /** The end of the log at the last clean close; undefined without a close record. */
  readonly closedEnd: number | undefined;
  /** Whether leader-epoch-checkpoint was read. */
  readonly hasEpochs: boolean;
  /** An offset that must lie in a segment that is walked: of one that the close record lists and that is gone, of damage. */
  readonly suspect: number | undefined;
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
  if (facts.suspect !== undefined) needed.push(holding(segments, facts.suspect));
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

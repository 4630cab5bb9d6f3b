/**
 * What to do with each name in a partition's directory before its batches are looked at (contract 4.4.1-3): pure decisions from
 * the listing. Names ending in .deleted are what a deletion left, those in .cleaned and .swap what a compaction left:
 *
 *   N1  .deleted                                    removed
 *   N2  .cleaned                                    removed: the compaction did not get far enough to count
 *   N3  .swap at or above the lowest .cleaned       removed: it was not known to be whole
 *   N4  any other .swap                             takes the place of the segments that it covers
 *   N5  index files without a .log                  removed, unless the log is damaged
 *   N6  segments wholly below a proven log start    removed: the rest of a deletion; never the last one
 *   N8  a .log whose offset no safe integer holds   damage: it is left alone, and so is one that is no plain file
 *   N11 anything else                               left alone and told once
 *
 * (N7, empty segments that no roll made, is seen by the walk; N9, stray snapshots, by where the log ends.)
 */
import { parseSegmentFileName, type SegmentSuffix } from './segment-files.ts';

export interface NamePlan {
  /** N1, N2, N3, N6. */
  readonly remove: readonly string[];
  /** N4, the `.log` ones last. */
  readonly swaps: readonly string[];
  /** N5. */
  readonly orphans: readonly string[];
  /** Base offsets of the segments that stay, ascending, without those of `swaps`. */
  readonly bases: readonly number[];
  /** The offsets in the names of the producer snapshots that stay, ascending. */
  readonly snapshots: readonly number[];
  /** N8. */
  readonly unreadableLog: string | undefined;
  /** N11. */
  readonly strangers: readonly string[];
}

const INTERIM_NAME = /^(\d{20})\.(?:log|index|timeindex|txnindex|snapshot)\.(deleted|cleaned|swap)$/;
const TRANSACTION_INDEX = /^(\d{20})\.txnindex$/;
const LOG_NAME = /^\d{20}\.log$/;
const KNOWN_NAMES: ReadonlySet<string> = new Set(['partition.metadata', 'leader-epoch-checkpoint']);
const TEMPORARY_NAME = /\.tmp$/;

/** `provenLogStart`: the log start, where our file of log starts says it; undefined otherwise. */
export function planNames(names: readonly string[], provenLogStart: number | undefined): NamePlan {
  const interim = names.map((name) => INTERIM_NAME.exec(name)).filter((match) => match !== null);
  const ofKind = (kind: string): RegExpExecArray[] => interim.filter((match) => match[2] === kind);
  const lowestCleaned = Math.min(...ofKind('cleaned').map((match) => Number(match[1])));
  const swaps = ofKind('swap').filter((match) => Number(match[1]) < lowestCleaned);
  const finished = new Set(swaps.map(([name]) => name));
  const removed = interim.map(([name]) => name).filter((name) => !finished.has(name));
  const bases = offsetsOf(names, '.log');
  const deleted = new Set(
    bases.filter((_, index) => (bases[index + 1] ?? Number.POSITIVE_INFINITY) <= (provenLogStart ?? -1)),
  );
  const logs = new Set(bases);
  const files = names.map((name) => ({ name, base: baseOf(name) }));
  const inDeleted = files.filter(({ base }) => base !== undefined && deleted.has(base)).map(({ name }) => name);
  const isOrphan = ({ name, base }: { name: string; base: number | undefined }): boolean =>
    base !== undefined && !name.endsWith('.snapshot') && !logs.has(base);
  return {
    remove: [...removed, ...inDeleted],
    swaps: [...finished].sort((a, b) => Number(a.endsWith('.log.swap')) - Number(b.endsWith('.log.swap'))),
    orphans: files.filter(isOrphan).map(({ name }) => name),
    bases: bases.filter((base) => !deleted.has(base)),
    snapshots: offsetsOf(names, '.snapshot').filter((offset) => !deleted.has(offset)),
    unreadableLog: names.find((name) => LOG_NAME.test(name) && parseSegmentFileName(name) === undefined),
    strangers: files.filter(({ name, base }) => base === undefined && !isKnown(name)).map(({ name }) => name),
  };
}

/**
 * The names of the segments' files whose offset lies in [`from`, `to`): what files that take their place cover.
 */
export function coveredNames(names: readonly string[], from: number, to: number): string[] {
  return names.filter((name) => {
    const base = baseOf(name);
    return base !== undefined && base >= from && base < to;
  });
}

/** The offset in the name of a segment's file or snapshot; undefined for any other name. */
function baseOf(name: string): number | undefined {
  const transactions = TRANSACTION_INDEX.exec(name);
  const offset = transactions === null ? parseSegmentFileName(name)?.offset : Number(transactions[1]);
  return offset;
}

function offsetsOf(names: readonly string[], suffix: SegmentSuffix): number[] {
  const offsets: number[] = [];
  for (const name of names) {
    const parsed = parseSegmentFileName(name);
    if (parsed?.suffix === suffix) offsets.push(parsed.offset);
  }
  return offsets;
}

function isKnown(name: string): boolean {
  return KNOWN_NAMES.has(name) || INTERIM_NAME.test(name) || TEMPORARY_NAME.test(name) || LOG_NAME.test(name);
}

/** Runs of one process over changed files: each is a file of one kind, of one directory, changed by the run's own seed. */
import { loadCoordinator } from '../../src/broker/groups.ts';
import { reserveFile } from '../../src/cluster/layout.ts';
import { RESERVE_PIECE_BYTES } from '../../src/cluster/reserve.ts';
import { DIRECTORY } from '../cluster/in-world.ts';
import { Prng } from '../sim/prng.ts';
import { judge, live, type Outcome, type OutcomeKind, type ReadBy, type Seen } from './changed-directory.ts';
import { allDirectories } from './directories.ts';
import { pathsByKind } from './file-kinds.ts';
import { mutated } from './mutate.ts';
import { Flatness, type MemoryFacts } from './result-line.ts';
import type { WrittenDirectory } from './written-directory.ts';

/** Of the runs so many are of directories that were closed, where every change must be found. */
const CLOSED_SHARE = 0.6;
const TCP_SHARE = 0.6;
const SAMPLE_FILES = 50;
const FAILURES_MAX = 50;
/** Runs of other seeds share no changes. */
const SEED_STRIDE = 10_000_000;

/** By what `log verify` said; `missed` is a change in a closed directory that it did not find. */
export type Verdict = 'found' | 'missed' | 'quiet';
/** `same`: what was to be changed came out as it was. `tcp`: of them all, those that were read by TCP. */
type Counted = OutcomeKind | Verdict | 'same' | 'tcp';
export type KindCounts = Record<Counted, number>;

export interface FilesResult {
  readonly byKind: Readonly<Record<string, KindCounts>>;
  readonly failures: readonly string[];
  readonly failureCount: number;
  /** Of the processor, for one run. */
  readonly slowestMs: number;
  readonly memory: MemoryFacts;
}

/** A directory to change files of. */
export interface Subject extends WrittenDirectory {
  readonly kinds: ReadonlyMap<string, readonly string[]>;
  readonly whole: Record<ReadBy, Seen>;
}

/** Runs `first`, `first + step`, ... below `end`. */
export async function runChangedFiles(seed: number, first: number, step: number, end: number): Promise<FilesResult> {
  const subjects = await allSubjects();
  const byKind: Record<string, KindCounts> = {};
  const failures: string[] = [];
  const memory = new Flatness(() => process.memoryUsage.rss());
  let failureCount = 0;
  let slowestMs = 0;
  for (let index = first; index < end; index += step) {
    const before = process.cpuUsage();
    const { kind, what, counted, failure } = await runOne(subjects, seed * SEED_STRIDE + index);
    const { user, system } = process.cpuUsage(before);
    slowestMs = Math.max(slowestMs, (user + system) / 1000);
    const counts = byKind[kind] ?? noCounts();
    byKind[kind] = counts;
    for (const each of counted) counts[each] += 1;
    if (failure !== undefined) failureCount += 1;
    if (failure !== undefined && failures.length < FAILURES_MAX) failures.push(`${index} ${what}: ${failure}`);
    if (((index - first) / step) % SAMPLE_FILES === 0) memory.sample();
  }
  return { byKind, failures, failureCount, slowestMs: Math.round(slowestMs), memory: memory.facts };
}

export function noCounts(): KindCounts {
  return {
    harmless: 0,
    moved: 0,
    fewer: 0,
    refused: 0,
    lost: 0,
    served: 0,
    found: 0,
    missed: 0,
    quiet: 0,
    same: 0,
    tcp: 0,
  };
}

export async function allSubjects(): Promise<Subject[]> {
  await loadCoordinator();
  const subjects: Subject[] = [];
  for (const directory of await allDirectories()) {
    const whole = { embedded: await asWritten(directory, 'embedded'), tcp: await asWritten(directory, 'tcp') };
    subjects.push({ ...directory, kinds: pathsByKind(directory.tree), whole });
  }
  return subjects;
}

/** What is seen where nothing was changed, which is no reason to find anything. */
async function asWritten(directory: WrittenDirectory, by: ReadBy): Promise<Seen> {
  const { seen, said, findings } = await live(directory, directory.tree, 1, by);
  const damage = findings.filter(
    ({ severity }) => severity === 'damage' || (directory.isClosed && severity === 'derivable'),
  );
  if (seen === undefined || seen.wrong.length > 0 || seen.movedCount > 0 || seen.isTold || damage.length > 0) {
    throw new Error(`${directory.name} as it was written: ${said} ${JSON.stringify({ seen, damage })}`);
  }
  return seen;
}

interface Run {
  readonly kind: string;
  readonly what: string;
  readonly counted: readonly Counted[];
  readonly failure?: string;
}

async function runOne(subjects: readonly Subject[], seed: number): Promise<Run> {
  const prng = new Prng(seed);
  const isClosed = prng.hits(CLOSED_SHARE);
  const subject = prng.pick(subjects.filter((each) => each.isClosed === isClosed));
  const [kind, paths] = prng.pick([...subject.kinds]);
  const path = prng.pick(paths);
  const before = subject.tree.get(path) ?? Buffer.alloc(0);
  const bytes = mutated(before, prng);
  const by: ReadBy = prng.hits(TCP_SHARE) ? 'tcp' : 'embedded';
  const counted: readonly Counted[] = by === 'tcp' ? ['tcp'] : [];
  const run = { kind, what: `${subject.name} ${path} ${by}`, counted };
  if (bytes.equals(before)) return { ...run, counted: [...counted, 'same'] };
  try {
    const { outcome, verdict, failure } = await tryChange(subject, path, bytes, seed, by);
    const all = { ...run, counted: [...counted, outcome.kind, verdict] };
    return failure === undefined ? all : { ...all, failure };
  } catch (error) {
    return { ...run, failure: error instanceof Error ? error.message.slice(-1500) : String(error) };
  }
}

/** `failure`: what may not be. */
export async function tryChange(
  subject: Subject,
  path: string,
  bytes: Buffer,
  seed: number,
  by: ReadBy,
): Promise<{ readonly outcome: Outcome; readonly verdict: Verdict; readonly failure: string | undefined }> {
  const { seen, said, findings } = await live(subject, new Map(subject.tree).set(path, bytes), seed, by);
  const outcome = judge(subject, subject.whole[by], seen, said);
  const isFound = findings.some(({ severity }) => severity !== 'unchecked');
  const verdict = isFound ? 'found' : subject.isClosed && !mayBeQuiet(path, bytes) ? 'missed' : 'quiet';
  const isBad = outcome.kind === 'served' || outcome.kind === 'lost';
  const missed = verdict === 'missed' ? 'log verify did not find it' : undefined;
  return { outcome, verdict, failure: isBad ? `${outcome.kind}: ${outcome.said}` : missed };
}

/** A reserve that was given up piece by piece is as it should be. */
function mayBeQuiet(path: string, bytes: Buffer): boolean {
  return path === reserveFile(DIRECTORY) && bytes.length % RESERVE_PIECE_BYTES === 0;
}

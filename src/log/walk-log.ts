/**
 * The walk of a recovery through all segments of a log, up to where the cases of recovery-cases say that it ends, and what is
 * found behind that. Nothing is written here.
 */
import { assert } from '../kernel/assert.ts';
import { findFollowingBatch } from './following-batches.ts';
import { contextOf, type FoundSegment, factsOf, type LoadOptions } from './loaded-log.ts';
import { decide, TAIL_CASES, type TailDecision } from './recovery-cases.ts';
import { type SegmentWalk, type WalkState, walkSegment } from './recovery-walk.ts';
import { Segment } from './segment.ts';

/** A walked segment with what its file held. */
export interface Walked extends SegmentWalk {
  readonly segment: Segment;
  readonly logBytes: number;
}

export interface WalkResult {
  readonly walked: readonly Walked[];
  /** Base offsets of empty segments that are no part of the log. */
  readonly leftovers: readonly number[];
  /** Segments behind the end of the log. */
  readonly rest: readonly FoundSegment[];
  /** Walked segments that end with bytes in which a whole batch was found. */
  readonly copied: ReadonlySet<Walked>;
  readonly decision: TailDecision;
}

/**
 * Walks to the end of the log as the cases of recovery-cases say. An empty segment that begins among the batches of the one
 * before is what a roll that failed left (N7): it holds nothing, and to keep it would hide those batches; nor is one behind
 * the end part of the log when no roll made it.
 */
export async function walkAll(
  options: LoadOptions,
  state: WalkState,
  found: readonly FoundSegment[],
  isStray: (segment: FoundSegment) => boolean,
  durablePoint: number,
): Promise<WalkResult> {
  const walked: Walked[] = [];
  const leftovers: number[] = [];
  const copied = new Set<Walked>();
  for (let index = 0; ; ) {
    const foundSegment = found[index];
    assert(foundSegment !== undefined, 'a walk ends with the last segment');
    const { baseOffset, logBytes } = foundSegment;
    const segment = new Segment(contextOf(options), factsOf(options, baseOffset, logBytes), true);
    const walk = await options.files.use(segment.path, (file) => walkSegment(state, segment, file, logBytes));
    const last = { ...walk, segment, logBytes };
    walked.push(last);
    index += 1;
    for (; isLeftover(found[index], state.endOffset, isStray); index += 1)
      leftovers.push(found[index]?.baseOffset ?? 0);
    const next = found[index];
    const facts = {
      bytes: walk.end.outcome === 'bad' ? 'bad' : 'end',
      next: next === undefined ? 'none' : next.baseOffset === state.endOffset ? 'continues' : 'hole',
      place: state.endOffset < durablePoint ? 'beforeDurable' : 'pastDurable',
    } as const;
    const later = facts.next === 'continues' ? [] : found.slice(index);
    const follows = await anythingFollows(options, state.endOffset, last, later);
    const decision = decide(TAIL_CASES, { ...facts, follows });
    if (decision === 'setAside' && facts.bytes === 'bad') copied.add(last);
    if (facts.next !== 'continues') return { walked, leftovers, rest: later, copied, decision };
  }
}

/** Whether `next` is an empty segment that is no part of a log which ends at `endOffset`. */
function isLeftover(
  next: FoundSegment | undefined,
  endOffset: number,
  isStray: (segment: FoundSegment) => boolean,
): boolean {
  if (next === undefined || next.baseOffset === endOffset) return false;
  return next.baseOffset < endOffset ? next.logBytes === 0 : isStray(next);
}

/** Whether a whole batch lies behind the valid ones of `last`, or in a `later` segment. */
async function anythingFollows(
  options: LoadOptions,
  endOffset: number,
  last: Walked,
  later: readonly FoundSegment[],
): Promise<boolean> {
  const searched = [{ segment: last.segment, from: last.end.position, to: last.logBytes }];
  for (const { baseOffset, logBytes } of later) {
    searched.push({ segment: Segment.planned(contextOf(options), baseOffset), from: 0, to: logBytes });
  }
  for (const { segment, from, to } of searched) {
    if (from >= to) continue;
    const facts = { endOffset, segmentBase: segment.baseOffset };
    const position = await options.files.use(segment.path, (file) => findFollowingBatch(file, from, to, facts));
    if (position !== undefined) return true;
  }
  return false;
}

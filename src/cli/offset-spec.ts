/**
 * The offsets grammar that all commands share: a place in each partition, or a range of two.
 *
 *     earliest | beginning   the first record there is
 *     latest | end           what comes from now on
 *     N                      offset N
 *     -N                     the last N records
 *     +N                     behind the first N records there are
 *     @TIME                  the first record stamped at or after TIME (see time-spec.ts)
 *     A..B                   from A to before B; without A from the first record, without B as A alone
 */
import type { OffsetSpec } from '../client/consumer.ts';
import { usageError } from './cli-error.ts';
import { parseTimeMs } from './time-spec.ts';

export interface OffsetRange {
  readonly start: OffsetSpec;
  /** Exclusive. */
  readonly until: OffsetSpec | undefined;
}

/** Parses the value of `source` (a flag), one place or a range; throws a usage error. */
export function parseOffsetRange(text: string, nowMs: number, source: string): OffsetRange {
  const [from = '', to, ...rest] = text.split('..');
  if (to === undefined) return { start: parseOffsetSpec(text, nowMs, source), until: undefined };
  if (rest.length > 0 || (from === '' && to === '')) throw noOffset(text, source);
  return {
    start: from === '' ? { kind: 'earliest' } : parseOffsetSpec(from, nowMs, source),
    until: to === '' ? undefined : parseOffsetSpec(to, nowMs, source),
  };
}

/** Parses one place; throws a usage error. Counts and offsets are safe integers. */
export function parseOffsetSpec(text: string, nowMs: number, source: string): OffsetSpec {
  if (text === 'earliest' || text === 'beginning') return { kind: 'earliest' };
  if (text === 'latest' || text === 'end') return { kind: 'latest' };
  if (text.startsWith('@')) return { kind: 'time', timestampMs: parseTimeMs(text.slice(1), nowMs, source) };
  const match = /^([-+]?)(\d+)$/.exec(text);
  const value = Number(match?.[2]);
  if (match === null || !Number.isSafeInteger(value)) throw noOffset(text, source);
  if (match[1] === '-') return { kind: 'tail', count: value };
  return match[1] === '+' ? { kind: 'skip', count: value } : { kind: 'offset', offset: value };
}

function noOffset(text: string, source: string): Error {
  return usageError(
    `${source}: '${text}' is no offset; write earliest, latest, N, -N for the last N, +N to pass over N, @TIME, or A..B for a range`,
  );
}

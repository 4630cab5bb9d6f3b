/**
 * The offsets grammar that all commands share: where in a partition to begin.
 *
 *     earliest | beginning   the first record there is
 *     latest | end           what comes from now on
 *     N                      offset N
 *     -N                     the last N records
 *     @TIME                  the first record stamped at or after TIME (see time-spec.ts)
 */
import type { StartOffset } from '../client/consumer.ts';
import { usageError } from './cli-error.ts';
import { parseTimeMs } from './time-spec.ts';

/** Parses the value of `source` (a flag); throws a usage error. Counts and offsets are safe integers. */
export function parseOffsetSpec(text: string, nowMs: number, source: string): StartOffset {
  if (text === 'earliest' || text === 'beginning') return { kind: 'earliest' };
  if (text === 'latest' || text === 'end') return { kind: 'latest' };
  if (text.startsWith('@')) return { kind: 'time', timestampMs: parseTimeMs(text.slice(1), nowMs, source) };
  const match = /^(-?)(\d+)$/.exec(text);
  const value = Number(match?.[2]);
  if (match === null || !Number.isSafeInteger(value)) {
    throw usageError(`${source}: '${text}' is no offset; write earliest, latest, N, -N for the last N, or @TIME`);
  }
  return match[1] === '-' ? { kind: 'tail', count: value } : { kind: 'offset', offset: value };
}

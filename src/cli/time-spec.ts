import { usageError } from './cli-error.ts';
import { durationMsOf } from './duration.ts';

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|z|[+-]\d{2}:\d{2})$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
/** Whole numbers from here on are milliseconds, below they are seconds: 1973 in one unit, the year 5138 in the other. */
const EPOCH_MS_FROM = 100_000_000_000;

/**
 * Milliseconds since the epoch of a moment given as RFC 3339 with its zone, `YYYY-MM-DD` (midnight UTC), seconds or
 * milliseconds since the epoch, `now`, or a duration with its unit before now (`15m`, `-15m`).
 * Throws a usage error that names `source` for anything else: a time is never guessed.
 */
export function parseTimeMs(text: string, nowMs: number, source: string): bigint {
  const timeMs = timeMsOf(text, nowMs);
  if (timeMs === undefined) {
    throw usageError(
      `${source}: '${text}' is no time; write 2026-01-31T18:00:00Z, 2026-01-31, seconds or milliseconds since 1970, now, or 15m for 15 minutes ago`,
    );
  }
  return BigInt(timeMs);
}

function timeMsOf(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs;
  if (/^\d+$/.test(text)) {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) return undefined;
    return value >= EPOCH_MS_FROM ? value : value * 1_000;
  }
  const date = DATE.exec(text);
  if (date !== null) return utcMs(date, 0, 0, 0);
  const moment = RFC3339.exec(text);
  if (moment !== null) return momentMs(moment);
  const agoText = text.startsWith('-') ? text.slice(1) : text;
  // `-1` is no time before 1970, and not a second ago either.
  const agoMs = /[a-z]$/.test(agoText) ? durationMsOf(agoText) : undefined;
  return agoMs === undefined ? undefined : Math.max(0, nowMs - agoMs);
}

function momentMs(match: RegExpExecArray): number | undefined {
  const wholeMs = utcMs(match, Number(match[4]), Number(match[5]), Number(match[6]));
  if (wholeMs === undefined) return undefined;
  const fractionMs = Math.floor(Number(`0.${match[7] ?? '0'}`) * 1_000);
  return wholeMs + fractionMs - zoneOffsetMs(match[8] ?? 'Z');
}

function zoneOffsetMs(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))) * 60_000;
}

/** undefined for a day or hour that no calendar has; second 60 (a leap second) counts as the next minute's first. */
function utcMs(match: RegExpExecArray, hour: number, minute: number, second: number): number | undefined {
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const midnight = new Date(Date.UTC(year, month - 1, day));
  if (year < 1970 || midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return undefined;
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000;
}

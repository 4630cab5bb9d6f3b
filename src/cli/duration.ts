import { usageError } from './cli-error.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/y;

/**
 * Milliseconds of a duration such as `90s`, `15m`, `3h`, `2d`, `500ms` or `1h30m`; a bare number means seconds.
 * Throws a usage error that names `source` (a flag) for anything else.
 */
export function parseDurationMs(text: string, source: string): number {
  const durationMs = durationMsOf(text);
  if (durationMs === undefined) {
    throw usageError(`${source}: '${text}' is no duration; write it like 500ms, 90s, 15m, 3h or 2d`);
  }
  return durationMs;
}

/** As parseDurationMs, but undefined for what is no duration. */
export function durationMsOf(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return boundedMs(Number(text) * 1_000);
  let totalMs = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (match === null) return undefined;
    totalMs += Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN);
  }
  return text === '' ? undefined : boundedMs(totalMs);
}

function boundedMs(durationMs: number): number | undefined {
  const wholeMs = Math.round(durationMs);
  return Number.isSafeInteger(wholeMs) ? wholeMs : undefined;
}

/** A duration for people: `0.42 s`, `12.3 s`, `3 min 20 s`. */
export function describeDurationMs(durationMs: number): string {
  if (durationMs < 1_000) return `${(durationMs / 1_000).toFixed(2)} s`;
  if (durationMs < 120_000) return `${(durationMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

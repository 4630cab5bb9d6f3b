/**
 * Whether what the close record's JSON holds is what its types say. The checksum does not tell: it holds for the file of an older
 * mistake too, and for one that somebody made.
 */
import type { ClosedActiveSegment, ClosedPartition, ClosedSegment } from './close-record.ts';

type Check = (value: unknown) => boolean;
type Checks<T> = Readonly<Record<keyof T, Check>>;

const DECIMAL = /^-?\d{1,19}$/;
const CRC = /^[0-9a-f]{8}$/;

/** Whether it is a whole number from 0 to 2^53 - 1. */
export const isNatural: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;

/** Offsets are -1 where there is none. */
const isOffset: Check = (value) => value === -1 || isNatural(value);
const isDecimal: Check = (value) => typeof value === 'string' && DECIMAL.test(value);
const isCrc: Check = (value) => typeof value === 'string' && CRC.test(value);
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null || check(value);
const unlessAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const SEGMENT: Checks<ClosedSegment> = {
  baseOffset: isNatural,
  logBytes: isNatural,
  indexEntries: isNatural,
  timeIndexEntries: isNatural,
  largestTimestamp: maybe(isDecimal),
  heads: maybe(isCrc),
  index: maybe(isCrc),
  timeIndex: maybe(isCrc),
};

const ACTIVE: Checks<ClosedActiveSegment> = {
  // Some systems tell a file's time in fractions.
  createdMs: (value) => Number.isFinite(value),
  firstTimestamp: (value) => value === null || isDecimal(value),
  largestTimestamp: isDecimal,
  largestTimestampOffset: isOffset,
  lastIndexedTimestamp: isDecimal,
  bytesSinceIndexEntry: isNatural,
};

const PARTITION: Checks<Omit<ClosedPartition, 'producers'>> = {
  topicId: (value) => typeof value === 'string',
  logStartOffset: isNatural,
  endOffset: isNatural,
  segments: (value) => Array.isArray(value) && value.every((segment) => holds(segment, SEGMENT)),
  active: (value) => holds(value, ACTIVE),
  epochs: unlessAbsent(isCrc),
  gaps: unlessAbsent((value) => value === true),
  damagedAt: unlessAbsent(isNatural),
};

export function isClosedFacts(facts: unknown): facts is Omit<ClosedPartition, 'producers'> {
  return holds(facts, PARTITION);
}

export function isDigestsByName(facts: unknown): facts is { readonly files: Readonly<Record<string, string>> } {
  return holds(facts, {
    files: (value) => typeof value === 'object' && value !== null && Object.values(value).every(isCrc),
  });
}

/** Names that `checks` lacks are of a later release's. */
function holds(value: unknown, checks: Readonly<Record<string, Check>>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(checks).every(([name, check]) => check(fields[name]));
}

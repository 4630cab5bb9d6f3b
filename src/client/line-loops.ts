/**
 * The innermost loops of the line producer: lines of input to records without keys, laid out as in `batch-slot.ts`. All
 * append to a slot whole lines of the input from `start` on, answer where the first line that was not taken begins, and
 * write the same. WebAssembly is quickest (`line-kernels.ts`); of the two in JavaScript it depends on the lines: up to
 * some 40 bytes, the call that finds a delimiter costs more than to look at all bytes while they are copied.
 */
import type { BatchSlot, SourceBytes } from './batch-slot.ts';
import { NATIVE_COPY_BYTES } from './copy-bytes.ts';
import { type LineKernels, lineKernels } from './line-kernels.ts';
import { NULL_LENGTH, putVarint, varintBytes } from './record-varints.ts';

/** A line that counts as short for the choice of the loop. */
const SHORT_LINE_BYTES = 40;
/** After so many short lines in a row, short ones are expected. */
const SHORT_RUN_COUNT = 4;
/** A record whose length takes one byte has no more than this behind it. */
const SHORT_BODY_BYTES_MAX = 63;

export interface LineRun {
  /** Input: `source.bytes` up to its length. */
  readonly window: Buffer;
  readonly source: SourceBytes;
  readonly delimiter: number | Uint8Array;
  readonly delimiterBytes: number;
  readonly timestampDelta: number;
}

/** Takes lines until the last delimiter of the window is used up or the next line does not fit. */
export function appendLines(slot: BatchSlot, run: LineRun, start: number): number {
  const kernels = typeof run.delimiter === 'number' ? lineKernels(run.window.length - start) : undefined;
  return kernels === undefined ? appendByLoops(slot, run, start) : appendByKernel(kernels, slot, run, start);
}

/** `appendLines` by WebAssembly; for delimiters of one byte. */
export function appendByKernel(kernels: LineKernels, slot: BatchSlot, run: LineRun, start: number): number {
  const { window, timestampDelta } = run;
  const delimiter = run.delimiter as number;
  let from = start;
  for (;;) {
    const source = { bytes: window, start: from, end: window.length };
    const target = { bytes: slot.bytes, start: slot.position, end: slot.limitBytes };
    const count = kernels.encodeLines(source, target, slot.recordCount, timestampDelta, delimiter);
    if (count > 0) {
      slot.taken(kernels.targetPosition, slot.recordCount + count, timestampDelta);
      from = kernels.sourcePosition;
      continue;
    }
    // No whole line, no room, or a line that is too long for the kernel.
    const end = window.indexOf(delimiter, from);
    if (end < 0 || !slot.append(run.source, -1, -1, from, end, timestampDelta)) return from;
    from = end + 1;
  }
}

function appendByLoops(slot: BatchSlot, run: LineRun, start: number): number {
  let from = start;
  let isShort = typeof run.delimiter === 'number' && slot.wereShort;
  for (;;) {
    if (isShort) from = appendShortLines(slot, run, from);
    const before = slot.recordCount;
    const next = appendAnyLines(slot, run, from);
    isShort = slot.wereShort;
    if (slot.recordCount === before || !isShort) return next;
    from = next;
  }
}

/** Takes lines of any length; comes back early, with `slot.wereShort`, when short ones come in a row. */
function appendAnyLines(slot: BatchSlot, run: LineRun, start: number): number {
  const { window, delimiter, delimiterBytes, timestampDelta } = run;
  const input = run.source.view;
  const view = slot.view;
  const limit = slot.limitBytes;
  const fixedBytes = 3 + varintBytes(timestampDelta * 2);
  const shortRunCount = typeof delimiter === 'number' ? SHORT_RUN_COUNT : Infinity;
  let at = slot.position;
  let count = slot.recordCount;
  let from = start;
  let shortCount = 0;
  while (shortCount < shortRunCount) {
    const end = window.indexOf(delimiter, from);
    if (end < 0) break;
    const length = end - from;
    const bodyBytes = fixedBytes + varintBytes(count * 2) + varintBytes(length * 2) + length;
    if (at + bodyBytes + varintBytes(bodyBytes * 2) > limit) break;
    at = putVarint(view, at, bodyBytes * 2);
    view.setUint8(at++, 0);
    at = putVarint(view, at, timestampDelta * 2);
    at = putVarint(view, at, count * 2);
    view.setUint8(at++, NULL_LENGTH);
    at = putVarint(view, at, length * 2);
    if (length < NATIVE_COPY_BYTES) {
      // `copyShort`, written out: as a call it would cost a fifth of the whole.
      for (let step = 0; step < length; step += 8) {
        const eight = input.getFloat64(from + step, true);
        if (!Number.isNaN(eight)) {
          view.setFloat64(at + step, eight, true);
        } else {
          view.setInt32(at + step, input.getInt32(from + step, true), true);
          view.setInt32(at + step + 4, input.getInt32(from + step + 4, true), true);
        }
      }
    } else {
      window.copy(slot.bytes, at, from, end);
    }
    at += length;
    view.setUint8(at++, 0);
    count++;
    shortCount = length < SHORT_LINE_BYTES ? shortCount + 1 : 0;
    from = end + delimiterBytes;
  }
  slot.taken(at, count, timestampDelta);
  slot.wereShort = shortCount >= shortRunCount;
  return from;
}

/**
 * Takes lines as long as their records have one-byte lengths, finding the delimiter four bytes at a time: a word minus
 * 0x01010101 borrows into the high bit of its lowest zero byte, and the word was made to be zero where the delimiter stands.
 */
function appendShortLines(
  slot: BatchSlot,
  { window, source, delimiter, timestampDelta }: LineRun,
  start: number,
): number {
  const input = source.view;
  const view = slot.view;
  const pattern = Math.imul(delimiter as number, 0x01010101);
  const timestampBytes = varintBytes(timestampDelta * 2);
  const windowEnd = window.length;
  const lastStart = input.byteLength - SHORT_BODY_BYTES_MAX - 4;
  const lastAt = slot.limitBytes - 2 * SHORT_BODY_BYTES_MAX;
  let at = slot.position;
  let count = slot.recordCount;
  let from = start;
  while (from <= lastStart && at <= lastAt) {
    // Length, attributes, timestamp, offset, null key and value length; as many as the body has besides the value.
    const overheadBytes = 4 + timestampBytes + varintBytes(count * 2);
    const valueAt = at + overheadBytes;
    let end = -1;
    for (let step = 0; step < SHORT_BODY_BYTES_MAX; step += 4) {
      const word = input.getInt32(from + step, true);
      view.setInt32(valueAt + step, word, true);
      const marked = word ^ pattern;
      const zeros = (marked - 0x01010101) & ~marked & 0x80808080;
      if (zeros !== 0) {
        end = from + step + ((31 - Math.clz32(zeros & -zeros)) >>> 3);
        break;
      }
    }
    const length = end - from;
    if (end < 0 || end >= windowEnd || overheadBytes + length > SHORT_BODY_BYTES_MAX) break;
    view.setUint8(at, (overheadBytes + length) * 2);
    view.setUint8(at + 1, 0);
    const deltaAt = putVarint(view, at + 2, timestampDelta * 2);
    const keyAt = putVarint(view, deltaAt, count * 2);
    view.setUint8(keyAt, NULL_LENGTH);
    view.setUint8(keyAt + 1, length * 2);
    view.setUint8(valueAt + length, 0);
    at = valueAt + length + 1;
    count++;
    from = end + 1;
  }
  slot.taken(at, count, timestampDelta);
  return from;
}

/** The segments of a log in order of their base offsets, the last one active (appended to). Never empty. */
import { assert } from '../kernel/assert.ts';
import type { Segment } from './segment.ts';

export class SegmentList {
  readonly #segments: Segment[];

  /** `segments` in ascending order, at least one. */
  constructor(segments: readonly Segment[]) {
    assert(segments.length > 0, 'a log has a segment');
    this.#segments = [...segments];
  }

  get active(): Segment {
    return this.#at(this.#segments.length - 1);
  }

  get first(): Segment {
    return this.#at(0);
  }

  get count(): number {
    return this.#segments.length;
  }

  all(): readonly Segment[] {
    return this.#segments;
  }

  /** The segment that holds `offset` or, when `offset` lies in a gap, the one before the gap; undefined below the first. */
  floor(offset: number): Segment | undefined {
    return this.#segments[this.#floorIndex(offset)];
  }

  /** The segment after `segment`. */
  after(segment: Segment): Segment | undefined {
    return this.#segments[this.#floorIndex(segment.baseOffset) + 1];
  }

  /** Where `segment` ends (exclusive): the base of the next one, else `logEndOffset`. */
  endOf(segment: Segment, logEndOffset: number): number {
    return this.after(segment)?.baseOffset ?? logEndOffset;
  }

  push(segment: Segment): void {
    assert(segment.baseOffset > this.active.baseOffset, 'segments are added in order');
    this.#segments.push(segment);
  }

  /** Takes away the last segment, which must not be the only one. */
  pop(): Segment {
    assert(this.#segments.length > 1, 'a log has a segment');
    const last = this.active;
    this.#segments.length -= 1;
    return last;
  }

  /** Takes away the first segment, which must not be the active one. */
  shift(): Segment {
    assert(this.#segments.length > 1, 'the active segment stays');
    const [first] = this.#segments.splice(0, 1);
    assert(first !== undefined, 'a log has a segment');
    return first;
  }

  /** Whether they are there, one after the other and none of them active. */
  holds(segments: readonly Segment[]): boolean {
    const [first] = segments;
    const at = first === undefined ? -1 : this.#segments.indexOf(first);
    if (at < 0 || at + segments.length >= this.#segments.length) return false;
    return segments.every((segment, index) => this.#segments[at + index] === segment);
  }

  /** Puts `segment` in the place of those, which are there as `holds` says; it has the base offset of the first. */
  replace(segments: readonly Segment[], segment: Segment): void {
    assert(this.holds(segments), 'sealed segments are replaced');
    const at = this.#floorIndex(segment.baseOffset);
    assert(this.#segments[at] === segments[0], 'a segment takes the place of the first');
    this.#segments.splice(at, segments.length, segment);
  }

  /** Puts `segment` in the place of all. */
  replaceAll(segment: Segment): void {
    this.#segments.splice(0, this.#segments.length, segment);
  }

  #at(index: number): Segment {
    const segment = this.#segments[index];
    assert(segment !== undefined, 'a log has a segment');
    return segment;
  }

  #floorIndex(offset: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(middle).baseOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

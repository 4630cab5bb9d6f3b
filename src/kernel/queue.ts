import { assert } from './assert.ts';

/** Compacted when this many taken items lie before the head; keeps `shift` cheap without moving the rest each time. */
const COMPACT_AT_COUNT = 64;

/** First in, first out, with a bound. `shift` takes constant time on average. */
export class Queue<T> {
  readonly countMax: number;
  #items: (T | undefined)[] = [];
  #head = 0;

  /** `countMax` items at most, at least one. */
  constructor(countMax: number) {
    assert(countMax >= 1, 'a queue holds at least one item');
    this.countMax = countMax;
  }

  get count(): number {
    return this.#items.length - this.#head;
  }

  /** False, and nothing is queued, when the queue is full. */
  push(item: T): boolean {
    if (this.count >= this.countMax) return false;
    this.#items.push(item);
    return true;
  }

  /** The oldest item; undefined when there is none. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head >= COMPACT_AT_COUNT && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }
}

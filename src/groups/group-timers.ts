/**
 * The deadlines of one shard's groups, one a key. A heartbeat sets its member's session further off: that changes one number, and the
 * heap hears of it when the older time has come. What is due already when it is set is a queue in front of the heap, first in, first out.
 */
import { Queue } from '../kernel/queue.ts';
import type { Now } from './group-host.ts';

export interface DueTurn {
  readonly run: (now: Now) => void;
  /** As `Transition.isolated`. */
  readonly isolated: boolean;
}

interface Deadline {
  readonly key: string;
  readonly order: number;
  turn: DueTurn;
  /** What counts. */
  atMs: number;
  /** What the heap is sorted by; never later than `atMs`. */
  heapMs: number;
  state: 'heap' | 'soon' | 'off';
}

/** How far beyond their time postponed deadlines go: what came in meanwhile is read first. */
const POSTPONE_GRACE_MS = 1000;
/** Fewer entries are not worth clearing up. */
const HEAP_SLACK = 64;

export class GroupTimers {
  readonly #byKey = new Map<string, Deadline>();
  /** As long as there are keys, at most: a deadline stands in it once. */
  readonly #soon = new Queue<Deadline>(Infinity);
  #heap: Deadline[] = [];
  #orders = 0;

  /** Replaces what `key` had. `atMs` at or before `nowMs` means: next, behind what is due next already. */
  schedule(key: string, atMs: number, nowMs: number, turn: DueTurn): void {
    const known = this.#byKey.get(key);
    if (known?.state === 'soon' && atMs <= nowMs) {
      known.turn = turn;
      return;
    }
    if (known?.state === 'heap' && atMs > nowMs && atMs >= known.heapMs) {
      known.turn = turn;
      known.atMs = atMs;
      return;
    }
    this.cancel(key);
    const soon = atMs <= nowMs;
    const deadline: Deadline = {
      key,
      order: this.#orders++,
      turn,
      atMs: soon ? nowMs : atMs,
      heapMs: atMs,
      state: soon ? 'soon' : 'heap',
    };
    this.#byKey.set(key, deadline);
    if (soon) {
      this.#soon.push(deadline);
    } else {
      this.#heap.push(deadline);
      this.#siftUp(this.#heap.length - 1);
    }
  }

  cancel(key: string): void {
    const known = this.#byKey.get(key);
    if (known === undefined) return;
    this.#byKey.delete(key);
    known.state = 'off';
    if (this.#heap.length > 2 * this.#byKey.size + HEAP_SLACK) this.#rebuild();
  }

  /** Infinity: none. */
  get nextDueMs(): number {
    return Math.min(this.#firstSoon()?.atMs ?? Infinity, this.#firstInHeap()?.atMs ?? Infinity);
  }

  /** Takes out the one that is due first; undefined when nothing is due at `nowMs`. */
  takeDue(nowMs: number): DueTurn | undefined {
    const soon = this.#firstSoon();
    if (soon !== undefined) {
      this.#soon.shift();
      this.#byKey.delete(soon.key);
      soon.state = 'off';
      return soon.turn;
    }
    const first = this.#firstInHeap();
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.#popHeap();
    this.#byKey.delete(first.key);
    first.state = 'off';
    return first.turn;
  }

  /** Nothing ran for `byMs`: no deadline may come true for that alone. What was to be next stays next. */
  postpone(byMs: number): void {
    const dueMs = this.nextDueMs;
    for (const deadline of this.#byKey.values()) {
      if (deadline.state === 'soon') {
        deadline.atMs = dueMs + byMs;
        continue;
      }
      deadline.atMs += byMs + POSTPONE_GRACE_MS;
      deadline.heapMs += byMs + POSTPONE_GRACE_MS;
    }
    this.#rebuild();
  }

  #firstSoon(): Deadline | undefined {
    for (;;) {
      const first = this.#soon.peek();
      if (first === undefined || first.state === 'soon') return first;
      this.#soon.shift();
    }
  }

  /** With what was cancelled or put off out of the way. */
  #firstInHeap(): Deadline | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return undefined;
      if (first.state !== 'heap') {
        this.#popHeap();
      } else if (first.heapMs < first.atMs) {
        first.heapMs = first.atMs;
        this.#siftDown(0);
      } else {
        return first;
      }
    }
  }

  #rebuild(): void {
    this.#heap = [...this.#byKey.values()].filter(({ state }) => state === 'heap').sort(compare);
  }

  #popHeap(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown(0);
  }

  #siftUp(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapUnlessOrdered(parent, at)) return;
      at = parent;
    }
  }

  #siftDown(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const [leftDeadline, rightDeadline] = [this.#heap[left], this.#heap[left + 1]];
      if (leftDeadline === undefined) return;
      const child = rightDeadline !== undefined && compare(rightDeadline, leftDeadline) < 0 ? left + 1 : left;
      if (!this.#swapUnlessOrdered(at, child)) return;
      at = child;
    }
  }

  #swapUnlessOrdered(parent: number, child: number): boolean {
    const [above, below] = [this.#heap[parent], this.#heap[child]];
    if (above === undefined || below === undefined || compare(above, below) <= 0) return false;
    this.#heap[parent] = below;
    this.#heap[child] = above;
    return true;
  }
}

function compare(left: Deadline, right: Deadline): number {
  return left.heapMs - right.heapMs || left.order - right.order;
}

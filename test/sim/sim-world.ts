/**
 * The simulated world: a virtual clock, one queue of events, one seeded source of chance. Everything asynchronous of every
 * simulated process is an event here, so a run is decided by its seed alone.
 *
 * Between two events all promises that can settle do: the loop goes on from `process.nextTick`, which Node serves when
 * its queue of microtasks is empty. That is quick, and involves neither timers nor the real event loop.
 */
import { Prng } from './prng.ts';
import { Trace, type TraceDetail } from './trace.ts';

export interface WorldEvent {
  cancel(): void;
}

interface QueuedEvent extends WorldEvent {
  readonly atMs: number;
  readonly order: number;
  action: (() => void) | undefined;
}

export interface WorldOptions {
  readonly seed: number;
  /** How many of the last trace lines are kept for a report. */
  readonly traceLines?: number;
  readonly print?: (line: string) => void;
}

/** What is wrong in a run: a broken invariant, an uncaught error, .... */
export interface Violation {
  readonly rule: string;
  readonly text: string;
  readonly atMs: number;
}

/** After so many events the real event loop gets its turn: unhandled rejections are told, a test's time limit can fire. */
const REAL_TURN_EVENTS = 2000;

export class World {
  readonly seed: number;
  readonly chance: Prng;
  readonly violations: Violation[] = [];
  readonly #trace: Trace;
  readonly #queue: QueuedEvent[] = [];
  #nowMs = 0;
  #order = 0;
  #eventCount = 0;
  #isRunning = false;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.chance = new Prng(options.seed);
    this.#trace = new Trace(options.traceLines ?? 300, options.print);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  get traceHash(): string {
    return this.#trace.hash;
  }

  traceLines(): string[] {
    return this.#trace.lines();
  }

  note(who: string, what: string, ...detail: readonly TraceDetail[]): void {
    this.#trace.add(this.#nowMs, who, what, ...detail);
  }

  /** Records that something must not have happened; the run ends soon after. */
  violate(rule: string, text: string): void {
    this.note('world', 'VIOLATION', rule, text);
    this.violations.push({ rule, text, atMs: this.#nowMs });
  }

  /** `action` runs `delayMs` from now, after everything that is already due then. */
  after(delayMs: number, action: () => void): WorldEvent {
    const event: QueuedEvent = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order++,
      action,
      cancel: () => {
        event.action = undefined;
      },
    };
    push(this.#queue, event);
    return event;
  }

  /**
   * Runs events until `done()` holds, a violation was found, nothing is left to happen, or `limitMs` of virtual time
   * passed from now.
   */
  async run(done: () => boolean, limitMs: number): Promise<'done' | 'violated' | 'idle' | 'limit'> {
    if (this.#isRunning) throw new Error('the world runs already');
    this.#isRunning = true;
    try {
      return await this.#runUntil(done, this.#nowMs + limitMs);
    } finally {
      this.#isRunning = false;
    }
  }

  async #runUntil(done: () => boolean, endMs: number): Promise<'done' | 'violated' | 'idle' | 'limit'> {
    await settled();
    for (;;) {
      if (this.violations.length > 0) return 'violated';
      if (done()) return 'done';
      const next = pop(this.#queue);
      if (next === undefined || next.atMs > endMs) {
        this.#nowMs = endMs;
        if (next === undefined) return 'idle';
        push(this.#queue, next);
        return 'limit';
      }
      if (next.action === undefined) continue;
      this.#nowMs = next.atMs;
      this.#eventCount++;
      next.action();
      await settled();
      if (this.#eventCount % REAL_TURN_EVENTS === 0) await realTurn();
    }
  }
}

/** Resolves when no promise can settle any more without a new event. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Lets Node's own event loop go round once. */
export function realTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Binary heap, earliest first. */
function push(heap: QueuedEvent[], event: QueuedEvent): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as QueuedEvent;
    if (!isBefore(event, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: QueuedEvent[]): QueuedEvent | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as QueuedEvent, heap[child] as QueuedEvent)) child++;
    if (!isBefore(heap[child] as QueuedEvent, last)) break;
    heap[at] = heap[child] as QueuedEvent;
    at = child;
  }
  heap[at] = last;
  return first;
}

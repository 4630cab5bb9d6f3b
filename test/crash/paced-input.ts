/** Input that arrives slowly, so that a kill falls where some of it is acked and some is not. */
import type { Writable } from 'node:stream';

export interface Pace {
  readonly linesPerTick: number;
  readonly tickMs: number;
  readonly ticks: number;
}

export interface Feeding {
  /** Resolves when all was written or the reader went away. */
  readonly done: Promise<void>;
  stop(): void;
}

/** Line `number` (from 1) of the producer `name`: unique, of `lineBytes` bytes or more without its newline. */
export function pacedLine(name: string, number: number, lineBytes = 100): string {
  return `${name} ${number} `.padEnd(lineBytes, '.');
}

/** Writes the lines of `name` to `target` at a pace and ends it. */
export function feed(target: Writable, name: string, pace: Pace): Feeding {
  let timer: NodeJS.Timeout | undefined;
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finish = () => {
      if (timer) clearInterval(timer);
      timer = undefined;
      target.end();
      resolve();
    };
    target.on('error', finish);
    target.on('close', finish);
    let tick = 0;
    timer = setInterval(() => {
      if (target.destroyed || tick === pace.ticks) return finish();
      const lines: string[] = [];
      for (let at = 1; at <= pace.linesPerTick; at++) lines.push(pacedLine(name, tick * pace.linesPerTick + at));
      target.write(`${lines.join('\n')}\n`);
      tick++;
    }, pace.tickMs);
  });
  return { done, stop: finish };
}

/** The newest receipt in the NDJSON that `--receipts` wrote: how many input lines are acked. A torn last line is no receipt. */
export function lastReceipt(ndjson: string): number {
  const whole = ndjson.slice(0, ndjson.lastIndexOf('\n') + 1).trimEnd();
  if (whole === '') return 0;
  const parsed: unknown = JSON.parse(whole.slice(whole.lastIndexOf('\n') + 1));
  return parsed && typeof parsed === 'object' && 'lines' in parsed ? Number(parsed.lines) : 0;
}

/** A histogram in text: how many of `fractions` (0..1) fall into each tenth. */
export function histogram(fractions: readonly number[]): string {
  const counts = new Array<number>(10).fill(0);
  for (const fraction of fractions) {
    const bucket = Math.min(9, Math.floor(fraction * 10));
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts.map((count, at) => `${at * 10}-${at * 10 + 10} %: ${'#'.repeat(count)} ${count}`).join('\n');
}

/** One line on a terminal that is drawn over and over; nothing at all where standard error is no terminal (R5). */
import type { Host } from './host.ts';

const REDRAW_MS = 200;

export interface Progress {
  /** Draws `text` unless the last drawing was a moment ago. */
  show(text: string): void;
  clear(): void;
}

export function showProgress(host: Host): Progress | undefined {
  if (!host.isTerminal(2) || host.variables['TERM'] === 'dumb') return undefined;
  let drawnAtMs = host.env.clock.monotonicMs();
  let drawn = false;
  return {
    show(text) {
      const nowMs = host.env.clock.monotonicMs();
      if (nowMs - drawnAtMs < REDRAW_MS) return;
      drawnAtMs = nowMs;
      drawn = true;
      host.draw(`\r\x1b[K${text}`);
    },
    clear() {
      if (drawn) host.draw('\r\x1b[K');
      drawn = false;
    },
  };
}

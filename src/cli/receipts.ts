/**
 * `--receipts FD`: one JSON line after the other, `{"lines":N,"bytes":B}` = the first N lines, B input bytes, are all
 * acked. Figures only rise, so while the reader is slow the newest replaces those that wait: memory stays bounded.
 */
import type { Clock } from '../kernel/env.ts';
import type { Host } from './host.ts';

export interface Receipts {
  acked(lines: number, bytes: number): void;
  /**
   * Resolves when the last receipt is written, or its reader is gone or has taken nothing for `timeoutMs` (0 = for ever): receipts
   * never fail a command. A signal ends the wait at once; after an earlier one it lasts a second.
   */
  close(timeoutMs: number, signal: AbortSignal): Promise<void>;
}

const INTERRUPTED_MS = 1_000;

export function openReceipts(host: Host, descriptor: number): Receipts {
  const writer = host.openDescriptor(descriptor, '--receipts');
  let waiting: string | undefined;
  let writing: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    while (waiting !== undefined) {
      const line = waiting;
      waiting = undefined;
      await writer.writeLine(line);
    }
  };
  const start = (): void => {
    writing = drain()
      .catch((error: unknown) => {
        waiting = undefined;
        host.env.log.warn(`--receipts: ${String(error)}`);
      })
      .finally(() => {
        writing = undefined;
        if (waiting !== undefined) start();
      });
  };
  return {
    acked(lines, bytes) {
      waiting = `{"lines":${lines},"bytes":${bytes}}`;
      if (writing === undefined) start();
    },
    async close(timeoutMs, signal) {
      const written = async (): Promise<boolean> => {
        while (writing !== undefined) await writing;
        return true;
      };
      if (!(await within(host.env.clock, timeoutMs, signal, written()))) {
        host.env.log.warn('--receipts: nobody reads them; the last one was not written');
      }
    },
  };
}

/** undefined when it took too long. */
function within<T>(
  clock: Pick<Clock, 'timer'>,
  timeoutMs: number,
  signal: AbortSignal,
  work: Promise<T>,
): Promise<T | undefined> {
  const limitMs = signal.aborted ? INTERRUPTED_MS : timeoutMs;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => resolve(undefined);
    const timer = limitMs > 0 ? clock.timer(limitMs, giveUp) : undefined;
    signal.addEventListener('abort', giveUp);
    work.then(resolve, reject).finally(() => {
      timer?.cancel();
      signal.removeEventListener('abort', giveUp);
    });
  });
}

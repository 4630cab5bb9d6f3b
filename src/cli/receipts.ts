/**
 * `--receipts FD`: one JSON line after the other, `{"lines":N,"bytes":B}` = the first N lines, B input bytes, are all
 * acked. Figures only rise, so while the reader is slow the newest replaces those that wait: memory stays bounded.
 */
import type { Host } from './host.ts';

export interface Receipts {
  acked(lines: number, bytes: number): void;
  /** Resolves when the last receipt is written, or when its reader is gone: receipts never end a command. */
  close(): Promise<void>;
}

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
    async close() {
      while (writing !== undefined) await writing;
    },
  };
}

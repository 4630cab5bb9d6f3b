/** What a descriptor is that the process was started with, and how one is used that may block. */
import { constants, fstatSync, openSync } from 'node:fs';
import type { Clock } from '../kernel/env.ts';

const RETRY_MS_MIN = 2;
const RETRY_MS_MAX = 50;

export type DescriptorKind = 'file' | 'stream' | 'terminal' | 'device';

export function kindOf(descriptor: number): DescriptorKind {
  // Loaded here: node:tty brings all of node:net with it.
  if (process.getBuiltinModule('node:tty').isatty(descriptor)) return 'terminal';
  const stat = fstatSync(descriptor);
  if (stat.isFIFO() || stat.isSocket()) return 'stream';
  return stat.isCharacterDevice() ? 'device' : 'file';
}

/**
 * Opens the pipe, terminal or device that `descriptor` refers to once more, without blocking: setting O_NONBLOCK on the
 * descriptor itself would set it for the shell, too, and for every other program on that pipe. Answers `descriptor` where that
 * is not possible (no /proc, a socket, another user's terminal).
 */
export function reopened(descriptor: number, access: number): number {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, access | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return descriptor;
  }
}

/** Calls `action` until it does not fail for want of bytes or room, with growing waits. */
export async function retried<T>(clock: Pick<Clock, 'sleep'>, action: () => Promise<T>): Promise<T> {
  for (let delayMs = RETRY_MS_MIN; ; delayMs = Math.min(delayMs * 2, RETRY_MS_MAX)) {
    try {
      return await action();
    } catch (error) {
      if (!isAgain(error)) throw error;
    }
    await clock.sleep(delayMs);
  }
}

export function isAgain(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}

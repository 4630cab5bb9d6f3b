/**
 * Says once for a whole log directory what is wrong with its disk: a thousand logs on it meet the same error, and one line of
 * the operator's log is enough until a write goes through again.
 */

import type { Log } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';

export class DiskTrouble {
  readonly #log: Pick<Log, 'error' | 'info'>;
  readonly #directory: string;
  /** Codes that were told; bounded by the number of error codes that a system has. */
  readonly #told = new Set<string>();

  /** `directory` is named when the trouble is over. */
  constructor(log: Pick<Log, 'error' | 'info'>, directory: string) {
    this.#log = log;
    this.#directory = directory;
  }

  /** Something on the disk failed, at `path`: told unless an error of the same code was told since `over`. */
  tell(path: string, error: unknown): void {
    const code = errorCodeOf(error) ?? 'unknown';
    if (this.#told.has(code)) return;
    this.#told.add(code);
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.error(`${path}: ${reason}; the same of other files of ${this.#directory} is not said again`);
  }

  /** Something was written: the next error is told again. Cheap, to be called with every write. */
  over(): void {
    if (this.#told.size === 0) return;
    this.#told.clear();
    this.#log.info(`${this.#directory} takes writes again`);
  }
}

/** How an error becomes the error code of an answer: the only place where that happens. */

import type { Log } from '../kernel/env.ts';
import { errorCode, KafkaError } from '../protocol/errors.ts';

export interface Failure {
  readonly errorCode: number;
  /** For people; null where the code says it all. */
  readonly errorMessage: string | null;
}

export const NO_FAILURE: Failure = { errorCode: errorCode('NONE'), errorMessage: null };

/** An error that nobody foresaw is logged and answered as UNKNOWN_SERVER_ERROR. */
export function failureOf(log: Log, error: unknown): Failure {
  if (error instanceof KafkaError) return { errorCode: error.code, errorMessage: error.message };
  logFault(log, 'a request failed', error);
  return { errorCode: errorCode('UNKNOWN_SERVER_ERROR'), errorMessage: null };
}

/** An error that should not happen: its text for whoever runs the broker, its stack for whoever looks for the cause. */
export function logFault(log: Log, what: string, error: unknown): void {
  log.error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Error && error.stack !== undefined) log.debug(error.stack);
}

/** How an error becomes the error code of an answer: the only place where that happens. */

import type { Log } from '../kernel/env.ts';
import { errorCode, KafkaError } from '../protocol/errors.ts';

export interface Failure {
  readonly errorCode: number;
  /** For people; null where the code says it all. */
  readonly errorMessage: string | null;
}

export const NO_FAILURE: Failure = { errorCode: errorCode('NONE'), errorMessage: null };

/** An error that nobody foresaw is logged with its stack and answered as UNKNOWN_SERVER_ERROR. */
export function failureOf(log: Log, error: unknown): Failure {
  if (error instanceof KafkaError) return { errorCode: error.code, errorMessage: error.message };
  log.error(
    `a request failed unexpectedly: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return { errorCode: errorCode('UNKNOWN_SERVER_ERROR'), errorMessage: null };
}

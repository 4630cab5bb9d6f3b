/** The errors that appends and reads get when the log cannot be written. */
import { errorCodeOf } from '../kernel/error-code.ts';
import { KafkaError } from '../protocol/errors.ts';

/** Another process may be the owner of the files by now: nothing was written. */
export class NotAllowedToWrite extends Error {
  override readonly name = 'NotAllowedToWrite';
}

/**
 * A full disk, or no free descriptor: the system refused and changed nothing that counts, and may do it later. No sync fails
 * with the latter two, so they never stand for bytes that were lost.
 */
const SHORTAGE_CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE']);

/** Whether something failed for want of descriptors alone. */
export function isDescriptorShortage(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'EMFILE' || code === 'ENFILE';
}

/** Whether something failed for want of room or of descriptors, and the same may succeed once there are some again. */
export function isShortage(error: unknown): boolean {
  return SHORTAGE_CODES.has(errorCodeOf(error));
}

/** KAFKA_STORAGE_ERROR with the cause. */
export function storageError(what: string, cause?: unknown): KafkaError {
  const code = errorCodeOf(cause);
  const why = code === undefined ? '' : ` (${code})`;
  return new KafkaError('KAFKA_STORAGE_ERROR', `${what}${why}`, cause === undefined ? undefined : { cause });
}

/** What a batch is refused with that was queued and then not written. */
export function refusal(cause: unknown): KafkaError {
  if (cause instanceof NotAllowedToWrite) {
    return new KafkaError('NOT_LEADER_OR_FOLLOWER', 'this process may no longer be the owner of the log', { cause });
  }
  return storageError('the batch could not be written', cause);
}

/** What this user may do in a directory, in words that say what to do next. */
import { ClientError } from '../client/client-error.ts';
import { errorText } from './system-error.ts';

/** The system does not let this user become the broker of the directory; it may still be read (read-only-seat.ts). */
export class MayOnlyRead extends ClientError {
  /** `command` by name. */
  constructor(directory: string, command: string, cause: unknown) {
    super('authorization', `${directory} may only be read by this user; ${command} needs to write there`, { cause });
  }
}

/** There is no room to become the broker of the directory, not even the reserve's; it may still be read (read-only-seat.ts). */
export class NoRoomToWrite extends ClientError {
  /** `command` by name. */
  constructor(directory: string, command: string, cause: unknown) {
    const text = `${directory} takes no more files, and ${command} needs to write there: ${errorText(cause)}`;
    super('refused', text, { cause });
  }
}

/** Runs `work`; where there is no room for it, throws NoRoomToWrite. */
export async function whereRoom<T>(work: () => Promise<T>, directory: string, command: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isFull(error) ? new NoRoomToWrite(directory, command, error) : error;
  }
}

/** Runs `work`; where the system refuses it for want of rights, throws what `refused` makes of its error. */
export async function whereAllowed<T>(work: () => Promise<T>, refused: (cause: Error) => Error): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isDenied(error) ? refused(error) : error;
  }
}

/** An error of the system itself, about rights or a file system that is mounted for reading only. */
export function isDenied(error: unknown): error is Error & { readonly code: string } {
  if (!(error instanceof Error) || error instanceof ClientError || !('code' in error)) return false;
  return error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS';
}

function isFull(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof ClientError || !('code' in error)) return false;
  return error.code === 'ENOSPC' || error.code === 'EDQUOT';
}

export function mayNotRead(directory: string): (cause: Error) => Error {
  return (cause) =>
    new ClientError('authorization', `${directory} may not be read by this user: ${errorText(cause)}`, { cause });
}

export function mayNotMake(directory: string): (cause: Error) => Error {
  return (cause) =>
    new ClientError('authorization', `a cluster in ${directory} may not be made by this user: ${errorText(cause)}`, {
      cause,
    });
}

/**
 * Files that a user names on the command line. Unlike `Disk`, which guards our own directory, this follows links and
 * takes pipes and devices (`/dev/stdin`, `<(command)`).
 */
import { constants, openSync, readSync } from 'node:fs';
import { access, type FileHandle, open, stat } from 'node:fs/promises';
import { CliError, usageError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';
import type { OpenInput } from './host.ts';

/** Throws what openFileInput would throw, as far as can be seen without opening. */
export async function checkFileInput(path: string): Promise<void> {
  const facts = await stat(path).catch((error: unknown) => {
    throw openFailure(path, error);
  });
  if (facts.isDirectory()) throw directoryFailure(path);
  if (facts.isSocket()) throw new CliError(EXIT.runtime, `${path} is a socket, which cannot be opened as a file`);
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw openFailure(path, error);
  });
}

/** Throws CliError: 5 where there is no such file, 2 where it is a directory, 1 where it cannot be opened. */
export async function openFileInput(path: string): Promise<OpenInput> {
  const facts = await stat(path).catch((error: unknown) => {
    throw openFailure(path, error);
  });
  return facts.isFIFO() ? openPipeInput(path) : openPlainInput(path);
}

async function openPlainInput(path: string): Promise<OpenInput> {
  const file = await openForReading(path);
  if ((await file.stat()).isDirectory()) {
    await file.close();
    throw directoryFailure(path);
  }
  return {
    name: path,
    async read(target) {
      return (await file.read(target, 0, target.length, null)).bytesRead;
    },
    close: () => file.close(),
  };
}

/**
 * A pipe is read without blocking and waited for on the event loop: a thread of the pool that sits in `open` or `read`
 * on a pipe that nobody fills would keep the process from ending.
 */
async function openPipeInput(path: string): Promise<OpenInput> {
  const descriptor = openPipe(path);
  const { ReadableDescriptor } = await import('../net/descriptor-stream.ts');
  const readable = new ReadableDescriptor(descriptor);
  return {
    name: path,
    // Waits first: before a writer has come, a read would give 0 bytes, as if it were the end.
    async read(target) {
      const byte = await readable.next();
      if (byte === undefined) return 0;
      target[0] = byte;
      return 1 + (target.length > 1 ? readAvailable(descriptor, target, 1) : 0);
    },
    // The descriptor belongs to Node's stream now, and ends with it.
    close: async () => undefined,
  };
}

/** Does not wait for a writer. */
function openPipe(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw openFailure(path, error);
  }
}

/** 0 also when there is nothing yet. */
function readAvailable(descriptor: number, target: Uint8Array, offset: number): number {
  try {
    return readSync(descriptor, target, offset, target.length - offset, null);
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return 0;
    throw error;
  }
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw openFailure(path, error);
  }
}

function directoryFailure(path: string): CliError {
  return usageError(`${path} is a directory; name a file, or - for standard input`);
}

function openFailure(path: string, error: unknown): CliError {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new CliError(EXIT.notFound, `there is no file ${path}; name one that exists, or - for standard input`);
  }
  return new CliError(EXIT.runtime, `${path} cannot be opened (${code})`, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}

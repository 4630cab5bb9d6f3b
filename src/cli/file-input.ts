/**
 * Files that a user names on the command line. Unlike `Disk`, which guards our own directory, this follows links and
 * takes pipes and devices (`/dev/stdin`, `<(command)`).
 */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';
import type { OpenInput } from './host.ts';

/** Throws what openFileInput would throw, as far as can be seen without opening. */
export async function checkFileInput(path: string): Promise<void> {
  const facts = await stat(path).catch((error: unknown) => {
    throw openFailure(path, error);
  });
  if (facts.isDirectory()) throw directoryFailure(path);
}

/** Throws CliError: 5 where there is no such file, 1 where it cannot be opened or is a directory. */
export async function openFileInput(path: string): Promise<OpenInput> {
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

/** The whole text of a file, as for `--config`. Throws as openFileInput does. */
export async function readTextFile(path: string): Promise<string> {
  const file = await openForReading(path);
  try {
    return await file.readFile('utf8');
  } catch (error) {
    throw new CliError(EXIT.runtime, `${path} cannot be read (${codeOf(error)})`, { cause: error });
  } finally {
    await file.close();
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
  return new CliError(EXIT.runtime, `${path} is a directory; name a file, or - for standard input`);
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

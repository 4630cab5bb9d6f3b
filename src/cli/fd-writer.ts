/** Writes to descriptors that the caller of the program opened: `--receipts FD`, `--ready-fd FD`, help and errors. */
import { fstatSync, write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { usageError } from './cli-error.ts';
import type { DescriptorWriter } from './host.ts';

const RETRY_AFTER_MS = 5;

/** Throws a usage error, naming `source`, when the descriptor is not open. */
export function openDescriptorWriter(descriptor: number, source: string): DescriptorWriter {
  try {
    fstatSync(descriptor);
  } catch {
    throw usageError(`${source}: descriptor ${descriptor} is not open; open it in the shell, e.g. ${descriptor}>file`);
  }
  return { writeLine: (line) => writeText(descriptor, `${line}\n`) };
}

/** Writes all of it, off the main loop. Rejects with EPIPE, ENOSPC, .... */
export async function writeText(descriptor: number, text: string): Promise<void> {
  const writeSome = promisify(write);
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      const { bytesWritten } = await writeSome(descriptor, rest);
      rest = rest.subarray(bytesWritten);
    } catch (error) {
      // Whoever else holds this descriptor may have made it non-blocking, and it is full.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      await sleep(RETRY_AFTER_MS);
    }
  }
}

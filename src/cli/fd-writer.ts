/** Writes to descriptors that the caller of the program opened: `--receipts FD`, `--ready-fd FD`. */
import { constants, fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { usageError } from './cli-error.ts';
import type { DescriptorWriter } from './host.ts';
import { realClock } from './real-clock.ts';
import { openOutput, type WriteAll } from './real-output.ts';

const OPEN_DESCRIPTORS = '/proc/self/fd';
const ACCESS_MODE = constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR;

/** Throws a usage error, naming `source`, when the caller has not opened the descriptor for writing. */
export function openDescriptorWriter(descriptor: number, source: string): DescriptorWriter {
  if (!isOpenForWriting(descriptor)) {
    const example = `open it in the shell, e.g. ${descriptor}>file`;
    throw usageError(`${source}: descriptor ${descriptor} is not open for writing; ${example}`);
  }
  let writer: Promise<WriteAll> | undefined;
  return {
    writeLine: async (line) => {
      writer ??= openOutput(descriptor, realClock());
      await (await writer)(Buffer.from(`${line}\n`));
    },
  };
}

/**
 * Numbers that the caller did not open may be those of descriptors that the runtime has for itself, and what is written there
 * can end the process. Where the system does not tell, being open is enough.
 */
function isOpenForWriting(descriptor: number): boolean {
  try {
    fstatSync(descriptor);
  } catch {
    return false;
  }
  const target = targetOf(descriptor);
  const mode = accessMode(descriptor);
  if (target === undefined || mode === undefined) return true;
  return mode !== constants.O_RDONLY && !isOfRuntime(descriptor, target);
}

/** Its event queues, and its pipes to itself: unnamed, with the other end in this process, too. */
function isOfRuntime(descriptor: number, target: string): boolean {
  if (target.startsWith('anon_inode:')) return true;
  if (!target.startsWith('pipe:')) return false;
  return readdirSync(OPEN_DESCRIPTORS)
    .map(Number)
    .some((other) => other !== descriptor && targetOf(other) === target && accessMode(other) === constants.O_RDONLY);
}

function targetOf(descriptor: number): string | undefined {
  try {
    return readlinkSync(`${OPEN_DESCRIPTORS}/${descriptor}`);
  } catch {
    return undefined;
  }
}

/** From the line `flags: <octal>` of proc(5). */
function accessMode(descriptor: number): number | undefined {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
    return flags === undefined ? undefined : Number.parseInt(flags, 8) & ACCESS_MODE;
  } catch {
    return undefined;
  }
}

/** The `code` of a system error, as Node sets it; undefined for anything else. */
export function errorCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** EINVAL and EISDIR are what `Disk.readFile` answers, ENXIO (a socket) and ELOOP (a link) what the system does. */
const NO_REGULAR_FILE: ReadonlySet<unknown> = new Set(['EINVAL', 'EISDIR', 'ENXIO', 'ELOOP']);

/** Whether `Disk.readFile` failed because a folder, a FIFO, a socket or a link stands where a file should be. */
export function isNoRegularFile(error: unknown): boolean {
  return NO_REGULAR_FILE.has(errorCodeOf(error));
}

/** What can be wrong with a simulated disk, decided call by call by whoever plans the run's faults. */
export type DiskCall =
  | 'open'
  | 'read'
  | 'readFile'
  | 'list'
  | 'stat'
  | 'mkdir'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'rmdir'
  | 'write'
  | 'truncate'
  | 'datasync'
  | 'syncDirectory';

export type DiskFault =
  /** The call fails. A failed sync drops the pages (`dropPages`), so that the next one succeeds over lost data. */
  | { readonly kind: 'error'; readonly code: 'EIO' | 'EROFS' | 'EDQUOT' }
  /** The call takes so long. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** A planted lie: a sync that says done and did nothing. For tests of the tests. */
  | { readonly kind: 'lie' };

export type DiskFaultPlan = (call: DiskCall, path: string) => DiskFault | undefined;

const READING: ReadonlySet<DiskCall> = new Set<DiskCall>(['read', 'readFile', 'list', 'stat']);

/** Whether a crash at this call can leave the disk another way than a crash before it. */
export function isChanging(call: DiskCall): boolean {
  return !READING.has(call);
}

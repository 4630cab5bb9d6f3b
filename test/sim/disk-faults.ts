/** What can be wrong with a simulated disk, decided call by call by whoever plans the run's faults. */
import type { SimProcess } from './sim-process.ts';

export type DiskCall =
  | 'openToRead'
  /** To write, or to make it. */
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
  | { readonly kind: 'error'; readonly code: FaultCode }
  /** A write puts a part of its bytes, and fails then. Of other calls the same as `error`. */
  | { readonly kind: 'short'; readonly code: FaultCode }
  /** The call takes so long. */
  | { readonly kind: 'slow'; readonly delayMs: number };

export type FaultCode = 'EIO' | 'ENOSPC' | 'EDQUOT' | 'EROFS';

/** Asked as the process makes the call. */
export type DiskFaultPlan = (call: DiskCall, path: string, process: SimProcess) => DiskFault | undefined;

const READING: ReadonlySet<DiskCall> = new Set<DiskCall>(['openToRead', 'read', 'readFile', 'list', 'stat']);

/** Whether a crash at this call can leave the disk another way than a crash before it. */
export function isChanging(call: DiskCall): boolean {
  return !READING.has(call);
}

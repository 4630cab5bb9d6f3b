/** What the main thread and the worker that keeps its locks alive say to each other. */
import type { FolderIdentity } from '../disk/lock-folder.ts';

export interface HeartbeatWorkerData {
  /** One int32: raised by the main loop as long as it turns. */
  readonly ticks: SharedArrayBuffer;
}

export type ToHeartbeatWorker =
  | {
      readonly kind: 'adopt';
      readonly id: number;
      readonly path: string;
      readonly identity: FolderIdentity;
      readonly staleMs: number;
    }
  | { readonly kind: 'stop'; readonly id: number };

/** Times are milliseconds of `process.hrtime`, which is one clock for all threads. */
export type FromHeartbeatWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'beat'; readonly id: number; readonly beganMs: number }
  | { readonly kind: 'compromised'; readonly id: number; readonly error: Error; readonly code: string | undefined }
  | { readonly kind: 'stopped'; readonly id: number };

/** Milliseconds of the clock that all threads of the process share. */
export function sharedClockMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** What the main thread and the decompressing worker say to each other. */
import type { OffloadTask } from '../kernel/env.ts';
import type { ErrorName } from '../protocol/errors.ts';

export interface ToOffloadWorker {
  readonly id: number;
  readonly codec: OffloadTask['codec'];
  readonly bytes: Uint8Array;
  readonly maxOutputBytes: number;
}

export type FromOffloadWorker =
  | { readonly id: number; readonly output: Uint8Array }
  | { readonly id: number; readonly errorName: ErrorName | undefined; readonly message: string };

/** The errors that the client's cores end with; the command line maps their kinds to exit codes. */

/**
 * What went wrong, as a script sees it:
 * - `refused`: a broker answered and kept saying no.
 * - `not-found`: the topic, partition or directory is not there.
 * - `unreachable`: nobody answered within the time.
 * - `authorization`: the broker does not let this client.
 * - `conflict`: somebody else holds or has already made what was asked for.
 * - `data`: records or input that cannot be handled: a bad CRC, an offset out of range, a line without its key delimiter.
 * - `usage`: the request makes no sense whatever the state of the cluster.
 * - `output`: the output did not take what was written; `cause` carries the system's error (`EPIPE`, `ENOSPC`, ...).
 * - `input`: the input could not be read; `cause` carries the system's error.
 */
export type ClientErrorKind =
  | 'refused'
  | 'not-found'
  | 'unreachable'
  | 'authorization'
  | 'conflict'
  | 'data'
  | 'usage'
  | 'output'
  | 'input';

export class ClientError extends Error {
  readonly kind: ClientErrorKind;

  constructor(kind: ClientErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ClientError';
    this.kind = kind;
  }
}

/** Nobody could be reached within the time: nothing was sent, or nobody was there to answer. */
export class Unreachable extends ClientError {
  constructor(message: string, options?: ErrorOptions) {
    super('unreachable', message, options);
    this.name = 'Unreachable';
  }
}

/** The connection ended with requests unanswered: they may or may not have taken effect. Send again. */
export class ConnectionLost extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectionLost';
  }
}

/** Why producing stopped, and the input up to which everything is acked: a script may go on from `ackedBytes`. */
export class ProduceError extends ClientError {
  readonly ackedLines: number;
  readonly ackedBytes: number;
  readonly elapsedMs: number;
  /** True when nothing after the acked lines was sent; else it may or may not be stored. */
  readonly isRestUnsent: boolean;

  /** `cause` keeps its kind when it is a `ClientError`; another error counts as `refused`. */
  constructor(cause: unknown, acked: { lines: number; bytes: number; elapsedMs: number; isAll: boolean }) {
    const kind = cause instanceof ClientError ? cause.kind : 'refused';
    super(kind, cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'ProduceError';
    this.ackedLines = acked.lines;
    this.ackedBytes = acked.bytes;
    this.elapsedMs = acked.elapsedMs;
    this.isRestUnsent = acked.isAll;
  }
}

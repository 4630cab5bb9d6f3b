/** What can be wrong with a cluster directory itself, apart from Kafka's error codes. */
export type ClusterErrorKind =
  /** There is no cluster at that path. */
  | 'missing'
  /** Something else lies at that path. */
  | 'foreign'
  /** Written by a version of streamctl that this one does not know. */
  | 'format'
  /** A file does not hold what was written. */
  | 'damaged'
  /** The file system lacks what the protocol between the processes stands on. */
  | 'unsupported';

/** `message` names the path and says what to do next. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  readonly kind: ClusterErrorKind;

  constructor(kind: ClusterErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

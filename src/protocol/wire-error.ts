/** Bytes from outside that are no message of the protocol. The connection they came on is of no further use. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

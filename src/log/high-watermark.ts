/**
 * The high watermark of a partition: the end of what is committed (exclusive), a pure function of what the replicas hold.
 */

export interface ReplicaEnd {
  readonly replica: number;
  /** Log end (exclusive) that the replica may promise: what is on its disk with durability=ack, what it wrote otherwise. */
  readonly endOffset: number;
}

/**
 * The smallest end over the maximal in-sync set (members and those about to become members, KIP-497), and never less than
 * `current`: a watermark that clients saw does not go back (I-7). With no in-sync replica it stays where it is.
 */
export function highWatermark(current: number, isrMaximal: readonly ReplicaEnd[]): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const member of isrMaximal) smallest = Math.min(smallest, member.endOffset);
  return Number.isFinite(smallest) ? Math.max(current, smallest) : current;
}

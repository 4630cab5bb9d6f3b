/** How the bytes of one fetch answer are shared out over its partitions, in the order of the request. Pure. */

/** What is left for the partitions that come next. */
export interface FetchPlan {
  readonly remainingBytes: number;
  /** No partition has given any bytes yet. */
  readonly isEmpty: boolean;
}

export interface ReadGrant {
  readonly maxBytes: number;
  /** One whole batch comes even if it is larger than `maxBytes`, so that no consumer is ever stuck (KIP-74). */
  readonly minOneBatch: boolean;
}

export function fetchPlan(answerBytesMax: number): FetchPlan {
  return { remainingBytes: answerBytesMax, isEmpty: true };
}

/** What may be read from the next partition; undefined when nothing may. */
export function grantRead(plan: FetchPlan, partitionMaxBytes: number): ReadGrant | undefined {
  const maxBytes = Math.max(0, Math.min(plan.remainingBytes, partitionMaxBytes));
  if (maxBytes === 0 && !plan.isEmpty) return undefined;
  return { maxBytes, minOneBatch: plan.isEmpty };
}

export function afterRead(plan: FetchPlan, byteCount: number): FetchPlan {
  return {
    remainingBytes: Math.max(0, plan.remainingBytes - byteCount),
    isEmpty: plan.isEmpty && byteCount === 0,
  };
}

/** The one place that every answer's throttle time comes from. There are no quotas yet, so nobody is slowed down. */

import type { RequestContext } from './request.ts';

/** Milliseconds for which the client is asked to be silent. */
export type ThrottleTime = (context: RequestContext) => number;

export const neverThrottled: ThrottleTime = () => 0;

import { Produce } from '../protocol/apis/00-produce.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts';

/** Whether the request is one that brokers do not answer: Produce with acks 0. */
export function isOneWay<A extends AnyApi>(api: A, message: RequestOf<A>): boolean {
  return api.key === Produce.key && (message as RequestOf<typeof Produce>).acks === 0;
}

/** What stands for the answer of a one-way request. */
export function oneWayResponse<A extends AnyApi>(_api: A): ResponseOf<A> {
  const nothing: ResponseOf<typeof Produce> = { responses: [], throttleTimeMs: 0, nodeEndpoints: [] };
  return nothing as ResponseOf<A>;
}

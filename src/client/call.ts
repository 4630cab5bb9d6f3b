import type { Env } from '../kernel/env.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts';
import { Backoff } from './backoff.ts';
import { ClientError, ConnectionLost, Unreachable } from './client-error.ts';
import type { Deadline } from './deadline.ts';
import type { Transport, VersionRange } from './transport.ts';

/** What a look-up or an admin call needs to reach the cluster. */
export interface Caller {
  readonly env: Env;
  readonly transport: Transport;
  readonly deadline: Deadline;
}

/**
 * One request whose answer carries no records, sent again while connections are lost. Only for requests that may be sent
 * twice. Throws `Unreachable` when the deadline has passed, and `ClientError` when the broker does not offer the API.
 */
export async function call<A extends AnyApi>(
  caller: Caller,
  nodeId: number,
  api: A,
  message: RequestOf<A> | ((version: number) => RequestOf<A>),
): Promise<ResponseOf<A>> {
  const backoff = new Backoff(caller.env.random);
  for (;;) {
    try {
      return await callOnce(caller, nodeId, api, message);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      await pauseBeforeRetry(caller, backoff, unreachable(error));
    }
  }
}

/** As `call`, but throws `ConnectionLost` at once. */
export async function callOnce<A extends AnyApi>(
  { transport, deadline }: Caller,
  nodeId: number,
  api: A,
  message: RequestOf<A> | ((version: number) => RequestOf<A>),
): Promise<ResponseOf<A>> {
  const version = pickVersion(api, await transport.versions(nodeId));
  const body = typeof message === 'function' ? (message as (version: number) => RequestOf<A>)(version) : message;
  const reply = await transport.request(nodeId, api, version, body, deadline.attemptMs());
  reply.release();
  return reply.message;
}

/** Waits for the next attempt; throws `problem`, what went wrong last, at the deadline. */
export async function pauseBeforeRetry({ env, deadline }: Caller, backoff: Backoff, problem: Error): Promise<void> {
  await env.clock.sleep(Math.min(backoff.nextMs(), deadline.remainingMs()));
  if (deadline.passed) throw problem;
}

/** What a lost connection comes to when there is no time for another. */
export function unreachable(lost: ConnectionLost): Unreachable {
  return new Unreachable(lost.message, { cause: lost });
}

/** The highest version that both sides speak. Throws `ClientError` of kind `refused` when there is none. */
export function pickVersion(
  api: AnyApi,
  offered: ReadonlyMap<number, VersionRange>,
  highest = api.versions.max,
): number {
  const range = offered.get(api.key);
  const version = Math.min(highest, range?.max ?? -1);
  if (range === undefined || version < Math.max(api.versions.min, range.min)) {
    throw new ClientError('refused', `the broker does not offer ${api.name} in a version that streamctl speaks`);
  }
  return version;
}

/**
 * What goes with every request into the broker and what comes out, whichever way the request came: over TCP, over the
 * directory's Unix socket, or from the command in the same process.
 */

import type { Departure } from './departure.ts';

export interface RequestContext {
  readonly listener: 'tcp' | 'unix' | 'embedded';
  /** Kafka's form, `User:name`. */
  readonly principal: string;
  /** '' where the client gave none. */
  readonly clientId: string;
  /** Unique within this broker's life. */
  readonly connectionId: number;
  /** `host:port` of the peer, `unix`, or `embedded`: for log lines and for the client's host in group descriptions. */
  readonly remote: string;
  /** Tells when the client is gone and nothing needs to be answered any more; left out where that is not known. */
  readonly departure?: Departure;
  /** The connection dispatches its next request only after `until` has settled: the order of appends depends on it. */
  hold(until: Promise<unknown>): void;
  /** The request's bytes must not be reused before `until` has settled. */
  retain(until: Promise<unknown>): void;
}

export interface Reply {
  /** The response message of the request's API; undefined when the request gets no answer (acks=0). */
  readonly message: object | undefined;
  /** The version to encode the answer in, where it differs from the request's (ApiVersions, KIP-511). */
  readonly version?: number;
  /** Close the connection once the answers before this one, and this one, are out. */
  readonly closeConnection?: boolean;
  /** Hands back the buffers that `message` points into; called once, after the answer was written or read. */
  readonly release?: () => void;
}

/**
 * The broker has stopped taking requests, or its registration is no longer the newest. Nothing was done; the client
 * looks for the broker that comes after.
 */
export class BrokerStopped extends Error {
  override readonly name = 'BrokerStopped';
}

/**
 * The request is such that Kafka closes the connection without an answer: an API or version that is not served, or a
 * body that cannot be read.
 */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
}

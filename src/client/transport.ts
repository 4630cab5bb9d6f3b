/**
 * The one port through which every client core talks to brokers. Two implementations: `tcp-transport.ts` (`-b`) and the
 * directory transport of the command line, which finds or embeds a broker.
 */
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts';

/** "Whichever node is at hand", for requests that any broker answers. */
export const ANY_NODE = -1;

/** The versions of one API, both bounds inclusive. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/**
 * Which connection to the node takes a request. Answers come in request order, so what a group waits for in a long call must not
 * stand before fetches, nor a long poll before heartbeats. Where requests are not answered in order the lane means nothing.
 */
export type Lane = 'data' | 'group';

export interface TransportReply<Response> {
  readonly message: Response;
  /** Gives the bytes under the message's `records` back to their pool; called once, after the last use of them. */
  release(): void;
}

export interface Transport {
  /**
   * Sends one request and answers its response. Requests to one node go out in call order within their lane (`data` if not given).
   * A Produce request with acks 0 has no response: its reply's message is the request's response with no topics.
   * The bytes under `records` of a request must stay untouched until the promise settles; an embedded broker patches
   * them in place, so a sender writes base offset 0 again before it sends the same batch once more.
   *
   * Throws `ConnectionLost` when the outcome is unknown (ask metadata, send again), `Unreachable` when nobody could be
   * reached within `timeoutMs`.
   */
  request<A extends AnyApi>(
    nodeId: number,
    api: A,
    version: number,
    message: RequestOf<A>,
    timeoutMs: number,
    lane?: Lane,
  ): Promise<TransportReply<ResponseOf<A>>>;

  /** What the node advertises, by API key. Throws as `request` does. */
  versions(nodeId: number): Promise<ReadonlyMap<number, VersionRange>>;

  close(): Promise<void>;
}

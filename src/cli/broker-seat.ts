/** One way to the directory's broker, for as long as it lasts. A transport has one at a time. */
import type { Connection } from '../client/connection.ts';
import type { TransportReply, VersionRange } from '../client/transport.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts';

export interface BrokerSeat {
  /** Whether the broker is in this process, so that others depend on it. */
  readonly embedded: boolean;
  /** True once no further request can be answered here. */
  readonly ended: boolean;
  /** Rejects with ConnectionLost when the outcome is unknown; requests go out in call order. */
  request<A extends AnyApi>(
    api: A,
    version: number,
    message: RequestOf<A>,
    timeoutMs: number,
  ): Promise<TransportReply<ResponseOf<A>>>;
  versions(): Promise<ReadonlyMap<number, VersionRange>>;
  /** Says goodbye; an embedded broker finishes and makes durable what it took, and gives its place up. */
  close(): Promise<void>;
}

/** A connection to the broker of another process. */
export function connectedSeat(connection: Connection): BrokerSeat {
  return {
    embedded: false,
    get ended() {
      return connection.ended;
    },
    request: (api, version, message, timeoutMs) => connection.request(api, version, message, timeoutMs),
    versions: async () => connection.versions,
    close: () => connection.close(),
  };
}

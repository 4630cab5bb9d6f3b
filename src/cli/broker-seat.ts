/** One way to the directory's broker, for as long as it lasts. A transport has one at a time. */

import { ConnectionLost } from '../client/client-error.ts';
import type { Connection } from '../client/connection.ts';
import type { Lane, TransportReply, VersionRange } from '../client/transport.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts';

export interface BrokerSeat {
  /** Whether the broker is in this process, so that others depend on it. */
  readonly embedded: boolean;
  /** True once no further request can be answered here. */
  readonly ended: boolean;
  /** Rejects with ConnectionLost when the outcome is unknown; requests go out in call order within their lane. */
  request<A extends AnyApi>(
    api: A,
    version: number,
    message: RequestOf<A>,
    timeoutMs: number,
    lane?: Lane,
  ): Promise<TransportReply<ResponseOf<A>>>;
  versions(): Promise<ReadonlyMap<number, VersionRange>>;
  /** Says goodbye; an embedded broker finishes and makes durable what it took, and gives its place up. */
  close(): Promise<void>;
}

/** Connections to the broker of another process: the one at hand, and another for the group's lane once it is needed. */
export function connectedSeat(connection: Connection, openAnother: () => Promise<Connection>): BrokerSeat {
  let another: Promise<Connection> | undefined;
  let isClosed = false;
  const groupLane = async (): Promise<Connection> => {
    const opened = await openAnother().catch((error: unknown) => {
      throw new ConnectionLost(`the directory's broker takes no other connection: ${String(error)}`, { cause: error });
    });
    if (isClosed) await opened.close();
    return opened;
  };
  const openGroupLane = (): Promise<Connection> => {
    const opening = groupLane();
    another = opening;
    const forget = (): void => {
      if (another === opening) another = undefined;
    };
    opening.then(({ whenEnded }) => whenEnded).then(forget, forget);
    return opening;
  };
  return {
    embedded: false,
    get ended() {
      return connection.ended;
    },
    request: async (api, version, message, timeoutMs, lane) => {
      const through = lane === 'group' ? await (another ?? openGroupLane()) : connection;
      return await through.request(api, version, message, timeoutMs);
    },
    versions: async () => connection.versions,
    close: async () => {
      isClosed = true;
      // An attempt under way closes its connection as soon as it stands.
      another?.then((opened) => opened.close()).catch(() => undefined);
      await connection.close();
    },
  };
}

import type { Env, NetAddress } from '../kernel/env.ts';
import { Metadata } from '../protocol/apis/03-metadata.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts';
import { Backoff } from './backoff.ts';
import { callOnce } from './call.ts';
import { ClientError, ConnectionLost, Unreachable } from './client-error.ts';
import { answerPool, Connection } from './connection.ts';
import { Deadline } from './deadline.ts';
import { topicsRequest } from './metadata.ts';
import { ANY_NODE, type Lane, type Transport, type TransportReply, type VersionRange } from './transport.ts';

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

export interface TcpTransportOptions {
  /** Where to ask first; at least one. */
  readonly bootstrap: readonly TcpAddress[];
  readonly clientId: string;
  /** How long `versions` tries to reach somebody; 0 = for ever. */
  readonly timeoutMs: number;
  readonly softwareVersion?: string;
}

const CONNECT_TIMEOUT_MS = 5000;

/**
 * Reaches a cluster by host and port. Addresses of nodes come from Metadata; there is one connection a node and lane, and one more
 * for requests that any broker answers until the nodes are known.
 */
export class TcpTransport implements Transport {
  readonly #env: Env;
  readonly #options: TcpTransportOptions;
  readonly #pool = answerPool();
  #nodes: ReadonlyMap<number, TcpAddress> = new Map();
  readonly #lanes: Readonly<Record<Lane, Connections>> = { data: new Connections(), group: new Connections() };
  #closed = false;

  constructor(env: Env, options: TcpTransportOptions) {
    this.#env = env;
    this.#options = options;
  }

  async request<A extends AnyApi>(
    nodeId: number,
    api: A,
    version: number,
    message: RequestOf<A>,
    timeoutMs: number,
    lane: Lane = 'data',
  ): Promise<TransportReply<ResponseOf<A>>> {
    const deadline = new Deadline(this.#env.clock, timeoutMs);
    const connection = await this.#connection(nodeId, deadline, this.#lanes[lane]);
    const reply = await connection.request(api, version, message, deadline.attemptMs());
    if (api.key === Metadata.key) this.#learnNodes(reply.message as ResponseOf<typeof Metadata>);
    return reply;
  }

  async versions(nodeId: number): Promise<ReadonlyMap<number, VersionRange>> {
    const deadline = new Deadline(this.#env.clock, this.#options.timeoutMs);
    const connection = await this.#connection(nodeId, deadline, this.#lanes.data);
    return connection.versions;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const lanes = Object.values(this.#lanes);
    const attempts = lanes.flatMap(({ attempts }) => [...attempts.values()]);
    await Promise.all(lanes.flatMap(({ open }) => [...open.values()].map((connection) => connection.close())));
    // Not waited for: an attempt under way ends by its own time limit; its connection is closed as soon as it stands.
    void Promise.allSettled(attempts.map(async (attempt) => (await attempt).close()));
  }

  #connection(nodeId: number, deadline: Deadline, lane: Connections): Promise<Connection> {
    if (this.#closed) return Promise.reject(new Unreachable('the client was closed'));
    return nodeId === ANY_NODE ? this.#anyConnection(deadline, lane) : this.#nodeConnection(nodeId, deadline, lane);
  }

  /** A node that cannot be reached is a lost connection: the caller asks Metadata whether another one leads now. */
  async #nodeConnection(nodeId: number, deadline: Deadline, lane: Connections): Promise<Connection> {
    if (!this.#nodes.has(nodeId)) await this.#askNodes(deadline);
    const address = this.#nodes.get(nodeId);
    if (address === undefined) throw new ConnectionLost(`broker ${nodeId} is not in the cluster now`);
    try {
      return await this.#connect(address, deadline, lane);
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      throw new ConnectionLost(`broker ${nodeId} at ${text(address)} cannot be reached: ${textOf(error)}`, {
        cause: error,
      });
    }
  }

  async #anyConnection(deadline: Deadline, lane: Connections): Promise<Connection> {
    for (const connection of lane.open.values()) return connection;
    const backoff = new Backoff(this.#env.random);
    let lastError: unknown;
    do {
      for (const address of this.#candidates()) {
        try {
          return await this.#connect(address, deadline, lane);
        } catch (error) {
          if (error instanceof ClientError) throw error;
          lastError = error;
        }
        if (deadline.passed) break;
      }
      await this.#env.clock.sleep(Math.min(backoff.nextMs(), deadline.remainingMs()));
    } while (!this.#closed && !deadline.passed);
    throw this.#unreachable(lastError);
  }

  /** Everybody known, beginning anywhere, so that many clients spread; who was given by the user comes first. */
  #candidates(): TcpAddress[] {
    const { bootstrap } = this.#options;
    const first = Math.floor(this.#env.random.fraction() * bootstrap.length);
    const all = [...bootstrap.slice(first), ...bootstrap.slice(0, first), ...this.#nodes.values()];
    return [...new Map(all.map((address) => [text(address), address])).values()];
  }

  #connect(address: TcpAddress, deadline: Deadline, lane: Connections): Promise<Connection> {
    const key = text(address);
    return lane.attempts.get(key) ?? lane.add(key, this.#openConnection(address, deadline));
  }

  async #openConnection(address: NetAddress, deadline: Deadline): Promise<Connection> {
    const { clientId, softwareVersion } = this.#options;
    return await Connection.open(this.#env, address, {
      clientId,
      connectTimeoutMs: Math.max(1, Math.min(CONNECT_TIMEOUT_MS, deadline.remainingMs())),
      pool: this.#pool,
      ...(softwareVersion === undefined ? {} : { softwareVersion }),
    });
  }

  /** Asks for the brokers' addresses only: no topics. */
  async #askNodes(deadline: Deadline): Promise<void> {
    await callOnce({ env: this.#env, transport: this, deadline }, ANY_NODE, Metadata, topicsRequest([]));
  }

  #learnNodes(message: ResponseOf<typeof Metadata>): void {
    if (message.brokers.length === 0) return;
    this.#nodes = new Map(message.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
  }

  #unreachable(lastError: unknown): Unreachable {
    const where = this.#options.bootstrap.map(text).join(', ');
    return new Unreachable(`nobody answers at ${where}: ${textOf(lastError)}`, { cause: lastError });
  }
}

/** Those of one lane, by `host:port`. */
class Connections {
  /** A failed attempt is removed. */
  readonly attempts = new Map<string, Promise<Connection>>();
  readonly open = new Map<string, Connection>();

  add(key: string, attempt: Promise<Connection>): Promise<Connection> {
    const forget = (): void => {
      this.attempts.delete(key);
      this.open.delete(key);
    };
    const opened = attempt.then(
      (connection) => {
        this.open.set(key, connection);
        void connection.whenEnded.then(forget);
        return connection;
      },
      (error: unknown) => {
        forget();
        throw error;
      },
    );
    this.attempts.set(key, opened);
    return opened;
  }
}

function text({ host, port }: TcpAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

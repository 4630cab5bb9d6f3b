/**
 * TCP ports that are bound before there is a broker behind them (reliability R-9): the port tells a second server, at once and
 * without a look at the files, that the place is taken; and the registration can say the real port where 0 was asked for.
 * Connections that come early wait unread until the broker listens.
 */
import { ClientError } from '../client/client-error.ts';
import type { Net, NetAddress, NetListener, NetSocket } from '../kernel/env.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Left out without an error where the system does not have this address (`::1` without IPv6). */
  readonly optional?: boolean;
}

/** Connections that wait for the broker; more are closed. */
const EARLY_COUNT_MAX = 64;
/** How often port 0 is tried when another address has the port taken. */
const PORT_TRIES_MAX = 10;

/**
 * Binds all addresses; those that ask for port 0 get the same one. Throws ClientError `conflict` when a port is taken, and the
 * system's errors.
 */
export async function bindEarly(net: Net, addresses: readonly ListenAddress[]): Promise<EarlyListeners> {
  for (let tries = 1; ; tries++) {
    const bound: EarlyListener[] = [];
    try {
      for (const { host, port, optional } of addresses) {
        const listener = await bindOne(net, host, port === 0 ? (bound[0]?.address.port ?? 0) : port, optional === true);
        if (listener !== undefined) {
          bound.push(listener);
        }
      }
      return new EarlyListeners(net, bound);
    } catch (error) {
      await Promise.all(bound.map((listener) => listener.close()));
      if (codeOf(error) !== 'EADDRINUSE') {
        throw error;
      }
      if (tries === PORT_TRIES_MAX || addresses.some(({ port }) => port !== 0)) {
        const wanted = addresses.map(({ host, port }) => `${host}:${port}`).join(', ');
        throw new ClientError('conflict', `a port of ${wanted} is taken; give another with --listen`, { cause: error });
      }
    }
  }
}

export class EarlyListeners {
  readonly #net: Net;
  readonly #listeners: readonly EarlyListener[];

  constructor(net: Net, listeners: readonly EarlyListener[]) {
    this.#net = net;
    this.#listeners = listeners;
  }

  /** With their real ports, in the order asked for. */
  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#listeners.map(({ address }) => address);
  }

  /** A Net whose `listen` answers these listeners for their addresses. */
  net(): Net {
    return {
      listen: async (address, onConnection) => {
        const early = this.#listeners.find((listener) => isSameAddress(listener.address, address));
        return early === undefined ? this.#net.listen(address, onConnection) : early.adopt(onConnection);
      },
      connect: (address, timeoutMs) => this.#net.connect(address, timeoutMs),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }
}

class EarlyListener {
  readonly address: { readonly host: string; readonly port: number };
  readonly #listener: NetListener;
  readonly #early: NetSocket[];
  readonly #takeOver: (onConnection: (socket: NetSocket) => void) => void;
  #closed = false;

  constructor(
    host: string,
    listener: NetListener,
    early: NetSocket[],
    takeOver: (onConnection: (socket: NetSocket) => void) => void,
  ) {
    this.address = { host, port: 'port' in listener.address ? listener.address.port : 0 };
    this.#listener = listener;
    this.#early = early;
    this.#takeOver = takeOver;
  }

  adopt(onConnection: (socket: NetSocket) => void): NetListener {
    this.#takeOver(onConnection);
    for (const socket of this.#early.splice(0)) {
      onConnection(socket);
    }
    return { address: this.address, close: () => this.close() };
  }

  async close(): Promise<void> {
    for (const socket of this.#early.splice(0)) {
      socket.destroy();
    }
    if (!this.#closed) {
      this.#closed = true;
      await this.#listener.close();
    }
  }
}

async function bindOne(net: Net, host: string, port: number, optional: boolean): Promise<EarlyListener | undefined> {
  const early: NetSocket[] = [];
  let onConnection = (socket: NetSocket): void => {
    if (early.length < EARLY_COUNT_MAX) {
      early.push(socket);
    } else {
      socket.destroy();
    }
  };
  try {
    const listener = await net.listen({ host, port }, (socket) => onConnection(socket));
    return new EarlyListener(host, listener, early, (adopter) => {
      onConnection = adopter;
    });
  } catch (error) {
    const code = codeOf(error);
    if (optional && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) {
      return undefined;
    }
    throw error;
  }
}

function isSameAddress(bound: { readonly host: string; readonly port: number }, asked: NetAddress): boolean {
  return 'port' in asked && asked.host === bound.host && asked.port === bound.port;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

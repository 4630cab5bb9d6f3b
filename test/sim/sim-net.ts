/** `Net` of one simulated machine: listeners by address, Unix sockets as names in its file system, connections in memory. */
import type { Net, NetAddress, NetListener, NetSocket } from '../../src/kernel/env.ts';
import type { FileSystem } from './file-system.ts';
import type { Prng } from './prng.ts';
import { connectPair, type SimConnection } from './sim-connection.ts';
import type { SimProcess } from './sim-process.ts';
import { systemError } from './system-error.ts';

interface Listening {
  readonly process: SimProcess;
  readonly onConnection: (socket: NetSocket) => void;
  isOpen: boolean;
}

/** Usual and worst milliseconds of setting up a connection. */
const CONNECT_MS = [0.1, 30] as const;
const FIRST_FREE_PORT = 32768;

export class SimNetwork {
  readonly #files: FileSystem;
  readonly #chance: Prng;
  readonly #listeners = new Map<string | number, Listening>();
  readonly #connections = new Set<SimConnection>();
  #nextPort = FIRST_FREE_PORT;

  constructor(files: FileSystem, chance: Prng) {
    this.#files = files;
    this.#chance = chance;
  }

  /** The machine's network as one process uses it. */
  of(process: SimProcess): Net {
    return {
      listen: (address, onConnection) => this.#listen(process, address, onConnection),
      connect: (address, timeoutMs) => this.#connect(process, address, timeoutMs),
    };
  }

  /** Connections that are open now, oldest first. */
  connections(): SimConnection[] {
    return [...this.#connections];
  }

  #listen(process: SimProcess, address: NetAddress, onConnection: (socket: NetSocket) => void): Promise<NetListener> {
    return process.perform('socket', this.#chance.latencyMs(...CONNECT_MS), () => {
      const bound = 'port' in address && address.port === 0 ? { ...address, port: this.#nextPort++ } : address;
      const key = this.#claim(bound);
      const listening: Listening = { process, onConnection, isOpen: true };
      this.#listeners.set(key, listening);
      process.note('listen', 'path' in bound ? bound.path : bound.port);
      const stop = (): void => {
        if (!listening.isOpen) return;
        listening.isOpen = false;
        this.#listeners.delete(key);
      };
      process.own({ abandon: stop });
      return {
        address: bound,
        close: async () => {
          if (!listening.isOpen || process.isDead) return;
          stop();
          // As libuv does: whatever stands at the path goes.
          if ('path' in bound && this.#files.find(bound.path)?.kind === 'other') this.#files.unlink(bound.path);
        },
      };
    });
  }

  /** The key under which a listener is found: the socket's inode, or host and port. */
  #claim(address: NetAddress): string | number {
    if ('path' in address) {
      if (this.#files.find(address.path) !== undefined) throw systemError('EADDRINUSE', 'listen', address.path);
      return this.#files.create(address.path, 'other', 'listen').number;
    }
    const key = `${address.host} ${address.port}`;
    if (this.#listeners.has(key)) throw systemError('EADDRINUSE', 'listen', key);
    return key;
  }

  #find(address: NetAddress): Listening {
    const key = 'path' in address ? this.#files.get(address.path, 'connect').number : `${address.host} ${address.port}`;
    const listening = this.#listeners.get(key);
    if (listening === undefined) throw systemError('ECONNREFUSED', 'connect', String(key));
    return listening;
  }

  async #connect(process: SimProcess, address: NetAddress, timeoutMs: number): Promise<NetSocket> {
    const delayMs = this.#chance.latencyMs(...CONNECT_MS);
    if (delayMs > timeoutMs) {
      return process.perform('socket', timeoutMs, () => {
        throw systemError('ETIMEDOUT', 'connect');
      });
    }
    return process.perform('socket', delayMs, () => {
      // A stopped process still has its backlog: the connection is made, and nobody answers on it.
      const listening = this.#find(address);
      const connection = connectPair(process, listening.process, 'path' in address, this.#chance);
      this.#connections.add(connection);
      connection.onGone(() => this.#connections.delete(connection));
      listening.process.deliver('socket', () => {
        if (listening.isOpen) listening.onConnection(connection.server);
        else connection.break('ECONNRESET');
      });
      return connection.client;
    });
  }
}

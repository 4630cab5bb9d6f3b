/**
 * The transport of a command that came by directory: requests go to the directory's broker, which is another process, or this
 * one. When it ends, the next request looks for the one that comes after, and may find that it is now this process's turn.
 *
 * Requests that were under way when a broker ended reject with ConnectionLost; the client's cores send them again. Requests
 * made while nobody is the broker wait, in order, until somebody is, each at most for its own time.
 */
import { Unreachable } from '../client/client-error.ts';
import { ANY_NODE, type Lane, type Transport, type TransportReply, type VersionRange } from '../client/transport.ts';
import type { BrokerSession } from '../cluster/broker-session.ts';
import { deferred } from '../kernel/deferred.ts';
import type { Env } from '../kernel/env.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts';
import { MayOnlyRead, NoRoomToWrite, whereRoom } from './access.ts';
import { type BrokerSeat, connectedSeat } from './broker-seat.ts';
import { EmbeddedBroker } from './embedded-broker.ts';
import { BROKER_ID, BrokerSearch, type FindOptions } from './find-broker.ts';
import { loadOnce } from './load-once.ts';

/** Hardly ever needed. */
export const loadReadOnlySeat = loadOnce(() => import('./read-only-seat.ts'));

/** Requests that may wait for a broker at once; the client's cores keep far below. */
const WAITING_COUNT_MAX = 1024;

export type DirectoryOptions = Omit<FindOptions, 'endpoints' | 'clientId'>;

interface Waiter {
  go(seat: BrokerSeat): void;
  fail(error: unknown): void;
}

/** Finds the directory's broker or becomes it. Throws ClientError, ClusterError and the system's errors. */
export async function openDirectoryTransport(env: Env, options: DirectoryOptions): Promise<DirectoryTransport> {
  const transport = new DirectoryTransport(env, options);
  try {
    await transport.versions(ANY_NODE);
    return transport;
  } catch (error) {
    await transport.close();
    throw error;
  }
}

export class DirectoryTransport implements Transport {
  readonly #env: Env;
  readonly #options: FindOptions;
  readonly #search: BrokerSearch;
  readonly #waiters = new Set<Waiter>();
  readonly #stopSignal: { remove(): void };
  #seat: BrokerSeat | undefined;
  #seeking: Promise<void> | undefined;
  /** A broker of ours that is on its way out. */
  #leaving: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(env: Env, options: DirectoryOptions) {
    this.#env = env;
    this.#options = { ...options, endpoints: [], clientId: `streamctl-${options.command}` };
    this.#search = new BrokerSearch(env, this.#options);
    this.#stopSignal = env.proc.onSignal('SIGTSTP', () => this.#onStopSignal());
  }

  request<A extends AnyApi>(
    nodeId: number,
    api: A,
    version: number,
    message: RequestOf<A>,
    timeoutMs: number,
    lane?: Lane,
  ): Promise<TransportReply<ResponseOf<A>>> {
    if (nodeId !== ANY_NODE && nodeId !== BROKER_ID) {
      return Promise.reject(new Unreachable(`${this.#options.directory} has no broker ${nodeId}`));
    }
    return this.#withSeat((seat) => seat.request(api, version, message, timeoutMs, lane), timeoutMs);
  }

  versions(_nodeId: number): Promise<ReadonlyMap<number, VersionRange>> {
    return this.#withSeat((seat) => seat.versions(), 0);
  }

  /** An embedded broker finishes and makes durable what it took, and gives its place up. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#search.cancel();
    await this.#seeking;
    this.#leave();
    await this.#leaving;
    this.#stopSignal.remove();
  }

  /**
   * Runs `use` at once where there is a broker, so that requests go out in call order; else queues it, for
   * `timeoutMs` at most (0: for as long as the search goes on).
   */
  #withSeat<T>(use: (seat: BrokerSeat) => Promise<T>, timeoutMs: number): Promise<T> {
    if (this.#closed !== undefined) {
      return Promise.reject(new Unreachable('the client was closed'));
    }
    if (this.#seat !== undefined && !this.#seat.ended) {
      return use(this.#seat);
    }
    if (this.#waiters.size >= WAITING_COUNT_MAX) {
      return Promise.reject(new Unreachable('too many requests wait for a broker'));
    }
    const result = new Promise<T>((resolve, reject) => {
      const timer =
        timeoutMs > 0 && timeoutMs !== Number.POSITIVE_INFINITY
          ? this.#env.clock.timer(timeoutMs, () => waiter.fail(this.#nobody(timeoutMs)))
          : undefined;
      const finish = (): void => {
        timer?.cancel();
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        go: (seat) => {
          finish();
          use(seat).then(resolve, reject);
        },
        fail: (error) => {
          finish();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
    });
    this.#startSeeking();
    return result;
  }

  /** One search at a time. A broker may end in the turn in which it was found: who came after that waits for the next search. */
  #startSeeking(): void {
    this.#seeking ??= this.#seek().finally(() => {
      this.#seeking = undefined;
      if (this.#waiters.size > 0) {
        this.#startSeeking();
      }
    });
  }

  #nobody(timeoutMs: number): Error {
    return new Unreachable(`no broker of ${this.#options.directory} answered within ${Math.round(timeoutMs)} ms`);
  }

  /** Settles all who wait when it ends, one way or the other; never rejects. */
  async #seek(): Promise<void> {
    try {
      this.#leave();
      await this.#leaving;
      await this.#findSeat();
    } catch (error) {
      for (const waiter of [...this.#waiters]) {
        waiter.fail(error);
      }
    }
  }

  async #findSeat(): Promise<void> {
    try {
      await this.#search.find<true>({
        connected: ({ connection, connectAgain }) => this.#take(connectedSeat(connection, connectAgain)),
        won: (session) => this.#embed(session),
      });
    } catch (error) {
      if (!(error instanceof MayOnlyRead) && !(error instanceof NoRoomToWrite)) {
        throw error;
      }
      const { openReadOnlySeat } = await loadReadOnlySeat();
      this.#take(await openReadOnlySeat(this.#env, this.#options, error));
    }
  }

  async #embed(session: BrokerSession): Promise<true> {
    // Whatever way the session ends, it ends before this process looks for a broker again.
    this.#search.released(session.brokerEpoch);
    const { clientId, directory, command } = this.#options;
    const start = (): Promise<EmbeddedBroker> => EmbeddedBroker.start(this.#env, session, { clientId, listens: true });
    return this.#take(await whereRoom(start, directory, command));
  }

  /** In one turn, so that no request that comes later goes before one that waited. */
  #take(seat: BrokerSeat): true {
    this.#seat = seat;
    for (const waiter of [...this.#waiters]) {
      waiter.go(seat);
    }
    return true;
  }

  /** Lets go of the present seat, and begins its hand-over where the broker is ours. */
  #leave(): void {
    const seat = this.#seat;
    this.#seat = undefined;
    if (seat !== undefined) {
      const before = this.#leaving;
      this.#leaving = Promise.allSettled([before, seat.close()]).then(([, closed]) => {
        if (closed.status === 'rejected') {
          this.#env.log.warn(`handing over: ${String(closed.reason)}`);
        }
      });
    }
  }

  /**
   * Ctrl-Z: a process that is stopped as the broker would stop everybody, so the place is given up first, and none is
   * claimed meanwhile. The process goes on as a client, or as the broker if nobody else is, with the first request after
   * it was continued. A connection to another broker stays as it is.
   */
  #onStopSignal(): void {
    const stopping = deferred<void>();
    const handOverAndStop = async (): Promise<void> => {
      await this.#search.suspend(stopping.promise);
      if (this.#seat?.embedded) {
        this.#leave();
      }
      await this.#leaving;
      this.#env.proc.stopSelf();
    };
    // Nothing in it rejects; whatever happens, the search must go on.
    handOverAndStop().then(stopping.resolve, stopping.reject);
  }
}

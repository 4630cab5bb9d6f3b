/**
 * The broker inside a command (DESIGN 5): requests of the command itself are handed to the broker's router as message
 * objects, with no socket and no frame between; other commands come by the directory's Unix socket.
 */
import type { Broker } from '../broker/broker.ts';
import { BrokerStopped, type Reply, type RequestContext } from '../broker/request.ts';
import { ConnectionLost } from '../client/client-error.ts';
import { answerPool } from '../client/connection.ts';
import { isOneWay, oneWayResponse } from '../client/one-way.ts';
import type { TransportReply, VersionRange } from '../client/transport.ts';
import type { BrokerSession } from '../cluster/broker-session.ts';
import type { Env, ProcessFacts } from '../kernel/env.ts';
import { Produce } from '../protocol/apis/00-produce.ts';
import { ApiVersions } from '../protocol/apis/18-api-versions.ts';
import { completeMessage } from '../protocol/complete-message.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts';
import type { BrokerSeat } from './broker-seat.ts';
import { listenForCommands } from './listen-for-commands.ts';
import { loadOnce } from './load-once.ts';

/** Requests that may wait behind one that must be done first; the client's cores keep far below. */
const WAITING_COUNT_MAX = 256;

/** Most commands find a broker and never need one of their own. */
export const loadBroker = loadOnce(() => import('../broker/broker.ts'));

export interface EmbeddedOptions {
  readonly clientId: string;
  /** Whether other commands may come in, by the directory's Unix socket. */
  readonly listens: boolean;
  /** False: what is old stays, as the reader is to see the logs as they are. */
  readonly deletes?: boolean;
}

export class EmbeddedBroker implements BrokerSeat {
  readonly embedded = true;
  readonly #env: Env;
  readonly #broker: Broker;
  readonly #session: BrokerSession;
  readonly #clientId: string;
  /** Requests held back until an earlier one is in the log's order. */
  readonly #waiting: (() => void)[] = [];
  #gate: Promise<void> | undefined;
  #stop: Promise<void> | undefined;
  #resigned = false;

  private constructor(env: Env, broker: Broker, session: BrokerSession, clientId: string) {
    this.#env = env;
    this.#broker = broker;
    this.#session = session;
    this.#clientId = clientId;
  }

  /** Gives the place up again when it fails. Throws the system's errors, among them that of a file system without sockets. */
  static async start(env: Env, session: BrokerSession, options: EmbeddedOptions): Promise<EmbeddedBroker> {
    let broker: Broker | undefined;
    try {
      const { Broker: BrokerClass } = await loadBroker();
      // What it reads goes to our own decoder as it is.
      const own = { pool: answerPool(), deletes: options.deletes !== false };
      broker = await BrokerClass.start(env, session, { given: new Map() }, own);
      const embedded = new EmbeddedBroker(env, broker, session, options.clientId);
      broker.onHandOverAsked(({ successor }) => embedded.#onHandOverAsked(successor));
      session.onResigned(() => {
        embedded.#resigned = true;
      });
      if (options.listens) {
        await listenForCommands(broker, session);
        await session.announce([]);
      }
      return embedded;
    } catch (error) {
      await broker?.stop().catch((cause: unknown) => env.log.warn(`stopping the broker: ${String(cause)}`));
      await session.release();
      throw error;
    }
  }

  get ended(): boolean {
    return this.#stop !== undefined || this.#resigned;
  }

  request<A extends AnyApi>(
    api: A,
    version: number,
    message: RequestOf<A>,
    timeoutMs: number,
  ): Promise<TransportReply<ResponseOf<A>>> {
    const answer = this.#inTurn(api, version, message);
    // A Produce may hold the client's buffers until it is written, and has a time limit of its own.
    return api.key === Produce.key ? answer : this.#within(timeoutMs, api, answer);
  }

  #inTurn<A extends AnyApi>(api: A, version: number, message: RequestOf<A>): Promise<TransportReply<ResponseOf<A>>> {
    if (this.#gate === undefined && this.#waiting.length === 0) {
      return this.#dispatch(api, version, message);
    }
    if (this.#waiting.length >= WAITING_COUNT_MAX) {
      return Promise.reject(new ConnectionLost('too many requests wait for the embedded broker'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => this.#dispatch(api, version, message).then(resolve, reject));
    });
  }

  async versions(): Promise<ReadonlyMap<number, VersionRange>> {
    const { max } = ApiVersions.versions;
    const software = { clientSoftwareName: 'streamctl', clientSoftwareVersion: 'embedded' };
    const reply = await this.#inTurn(ApiVersions, max, software);
    reply.release();
    return new Map(reply.message.apiKeys.map((key) => [key.apiKey, { min: key.minVersion, max: key.maxVersion }]));
  }

  /** Finishes and makes durable what was taken, marks clean and gives the place up; others see their connection end. */
  close(): Promise<void> {
    this.#stop ??= this.#stopAndRelease();
    return this.#stop;
  }

  async #stopAndRelease(): Promise<void> {
    try {
      await this.#broker.stop();
    } finally {
      await this.#session.release();
    }
  }

  /** As an answer that does not come over a socket: it counts as lost, and is dropped if it comes all the same. */
  #within<T>(timeoutMs: number, api: AnyApi, answer: Promise<TransportReply<T>>): Promise<TransportReply<T>> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = this.#env.clock.timer(timeoutMs, () => {
        isLate = true;
        reject(new ConnectionLost(`the embedded broker did not answer ${api.name} within ${Math.round(timeoutMs)} ms`));
      });
      answer.then((reply) => (isLate ? reply.release() : resolve(reply)), reject).finally(() => timer.cancel());
    });
  }

  async #dispatch<A extends AnyApi>(
    api: A,
    version: number,
    message: RequestOf<A>,
  ): Promise<TransportReply<ResponseOf<A>>> {
    if (this.ended) {
      throw new ConnectionLost('the embedded broker has stopped');
    }
    const retained: Promise<unknown>[] = [];
    let reply: Reply;
    try {
      reply = await this.#broker.handle(api, version, message as object, this.#context(retained));
    } catch (error) {
      throw error instanceof BrokerStopped ? new ConnectionLost(error.message, { cause: error }) : error;
    } finally {
      // The client may write into its buffers again as soon as this settles.
      await Promise.allSettled(retained);
    }
    const release = (): void => reply.release?.();
    if (reply.message !== undefined) {
      return { message: completeMessage(api.response, reply.message) as ResponseOf<A>, release };
    }
    release();
    if (!isOneWay(api, message) || reply.closeConnection) {
      throw new ConnectionLost(`the broker did not answer ${api.name}`);
    }
    return { message: oneWayResponse(api), release: () => undefined };
  }

  #context(retained: Promise<unknown>[]): RequestContext {
    return {
      listener: 'embedded',
      principal: this.#broker.ownerPrincipal,
      clientId: this.#clientId,
      connectionId: 0,
      remote: 'embedded',
      hold: (until) => this.#holdBack(until),
      retain: (until) => retained.push(until),
    };
  }

  #holdBack(until: Promise<unknown>): void {
    const gate = Promise.allSettled([this.#gate, until]).then(() => {
      if (this.#gate === gate) {
        this.#gate = undefined;
        this.#letThrough();
      }
    });
    this.#gate = gate;
  }

  #letThrough(): void {
    while (this.#gate === undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) {
        return;
      }
      next();
    }
  }

  /** The asker is written down first, so that whoever sees the place free also sees for whom. */
  #onHandOverAsked(successor: string): boolean {
    const facts = parseFacts(successor);
    if (facts === undefined || this.ended) {
      return false;
    }
    const leave = async (): Promise<void> => {
      await this.#session
        .nameSuccessor(facts)
        .catch((error: unknown) => this.#env.log.warn(`naming the successor: ${String(error)}`));
      await this.#stopAndRelease();
    };
    this.#stop = leave();
    // Whoever closes this seat gets the failure too.
    this.#stop.catch((error: unknown) => this.#env.log.warn(`handing over: ${String(error)}`));
    return true;
  }
}

function parseFacts(text: string): ProcessFacts | undefined {
  try {
    const facts = JSON.parse(text) as Partial<ProcessFacts> | null;
    if (typeof facts?.hostId !== 'string' || typeof facts.pid !== 'number') {
      return undefined;
    }
    const { hostId, bootId, pidNamespace, pid, startTime } = facts;
    return { hostId, bootId, pidNamespace, pid, startTime };
  } catch {
    return undefined;
  }
}

import { assert } from '../kernel/assert.ts';
import { ByteBudget } from '../kernel/byte-budget.ts';
import { type Deferred, deferred } from '../kernel/deferred.ts';
import type { Env, NetAddress, NetSocket, Timer } from '../kernel/env.ts';
import { Queue } from '../kernel/queue.ts';
import { type Slab, SlabPool } from '../kernel/slab-pool.ts';
import { FrameReader, type FrameSink } from '../net/frame-reader.ts';
import { ApiVersions } from '../protocol/apis/18-api-versions.ts';
import { decodeResponse, encodeRequest } from '../protocol/codec.ts';
import { errorCode, errorName } from '../protocol/errors.ts';
import type { AnyApi, RequestInput, RequestOf, ResponseOf } from '../protocol/schema.ts';
import { ConnectionLost } from './client-error.ts';
import { takeKernelBytes } from './kernel-memory.ts';
import { isOneWay, oneWayResponse } from './one-way.ts';
import type { TransportReply, VersionRange } from './transport.ts';

/** Requests that may wait for an answer at once; the cores keep far below. */
const IN_FLIGHT_COUNT_MAX = 256;
/** The largest response that is taken. */
const RESPONSE_BYTES_MAX = 256 << 20;
/** Responses that have arrived and are not released, beyond which the socket is not read. */
const HELD_BYTES_MAX = 64 << 20;
/** A broker is trusted so far: no answer to our fetches is copied while it grows. */
const AT_ONCE_BYTES = 8 << 20;
/** Answers as large as this are those of fetches, which the kernels of the line client read. */
const LARGE_ANSWER_BYTES = 256 << 10;
const SOFTWARE_NAME = 'streamctl';

export interface ConnectionOptions {
  readonly clientId: string;
  /** Bounds connect and handshake together. */
  readonly connectTimeoutMs: number;
  /** Goes to the broker's metrics (KIP-511). */
  readonly softwareVersion?: string;
  /** Memory for responses; connections may share one. */
  readonly pool?: SlabPool;
}

/** Memory for answers. */
export function answerPool(): SlabPool {
  return new SlabPool({
    allocate: (byteCount) =>
      byteCount < LARGE_ANSWER_BYTES ? Buffer.allocUnsafeSlow(byteCount) : takeKernelBytes(byteCount),
  });
}

/** A request that waits for its answer. */
interface Waiting {
  readonly correlationId: number;
  readonly apiName: string;
  answered(slab: Slab): void;
  failed(error: Error): void;
  readonly timer: Timer;
}

/**
 * One socket to a broker, the ApiVersions handshake done. Requests go out in call order and are answered in that order;
 * when one stays without an answer, none behind it has one either, so the whole connection is given up.
 */
export class Connection {
  readonly #env: Env;
  readonly #socket: NetSocket;
  readonly #clientId: string;
  readonly #waiting = new Queue<Waiting>(IN_FLIGHT_COUNT_MAX);
  readonly #ended: Deferred<void> = deferred();
  #failure: ConnectionLost | undefined;
  #nextCorrelationId = 1;
  #versions: ReadonlyMap<number, VersionRange> = new Map();

  /** Throws the system's error when nothing listens there, `ConnectionLost` when the handshake fails. */
  static async open(env: Env, address: NetAddress, options: ConnectionOptions): Promise<Connection> {
    const startMs = env.clock.monotonicMs();
    const socket = await env.net.connect(address, options.connectTimeoutMs);
    const connection = new Connection(env, socket, options);
    const restMs = options.connectTimeoutMs - (env.clock.monotonicMs() - startMs);
    try {
      await connection.#handshake(options.softwareVersion ?? 'unknown', Math.max(1, restMs));
    } catch (error) {
      connection.#fail(error);
      throw error;
    }
    return connection;
  }

  private constructor(env: Env, socket: NetSocket, options: ConnectionOptions) {
    this.#env = env;
    this.#socket = socket;
    this.#clientId = options.clientId;
    const sink: FrameSink = {
      frame: (slab) => this.#answered(slab),
      refused: (reason) => this.#fail(new ConnectionLost(`${socket.remote}: ${reason}`)),
      ended: (error) => this.#fail(error ?? new ConnectionLost(`${socket.remote} closed the connection`)),
    };
    const reader = new FrameReader(
      {
        pool: options.pool ?? answerPool(),
        budget: new ByteBudget(HELD_BYTES_MAX),
        frameBytesMax: () => RESPONSE_BYTES_MAX,
        atOnceBytes: AT_ONCE_BYTES,
        pause: () => socket.pause(),
        resume: () => socket.resume(),
      },
      sink,
    );
    socket.start(reader);
  }

  /** What the broker advertises, by API key. */
  get versions(): ReadonlyMap<number, VersionRange> {
    return this.#versions;
  }

  /** True once closed or lost; a new one must be opened then. */
  get ended(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves once, when the connection has ended. */
  get whenEnded(): Promise<void> {
    return this.#ended.promise;
  }

  /** `host:port` of the peer, or `unix`. */
  get remote(): string {
    return this.#socket.remote;
  }

  /**
   * Sends one request; see `Transport.request`. Throws `ConnectionLost` when the outcome is unknown, also when no answer
   * came within `timeoutMs`, and `KafkaError` UNSUPPORTED_VERSION when the message cannot be written in that version.
   */
  async request<A extends AnyApi>(
    api: A,
    version: number,
    message: RequestOf<A>,
    timeoutMs: number,
  ): Promise<TransportReply<ResponseOf<A>>> {
    if (isOneWay(api, message)) return this.#sendOneWay(api, version, message);
    const slab = await this.#exchange(api, version, message, timeoutMs);
    try {
      return { message: decodeResponse(api, version, slab.bytes).message, release: () => slab.release() };
    } catch (error) {
      slab.release();
      throw this.#fail(new ConnectionLost(`${this.remote} sent an unreadable answer to ${api.name}`, { cause: error }));
    }
  }

  /** Ends the connection; requests without an answer reject. */
  close(): Promise<void> {
    this.#fail(new ConnectionLost('the connection was closed'));
    return this.whenEnded;
  }

  async #handshake(softwareVersion: string, timeoutMs: number): Promise<void> {
    const message = { clientSoftwareName: SOFTWARE_NAME, clientSoftwareVersion: softwareVersion };
    let version = ApiVersions.versions.max;
    for (;;) {
      const slab = await this.#exchange(ApiVersions, version, message, timeoutMs);
      const answer = readApiVersions(slab, version);
      if (answer.errorCode === 0) {
        this.#versions = answer.versions;
        return;
      }
      // A broker that does not know our version answers in version 0 with what it knows (KIP-511); older ones say nothing.
      const offered = Math.min(answer.versions.get(ApiVersions.key)?.max ?? 0, ApiVersions.versions.max);
      if (answer.errorCode !== errorCode('UNSUPPORTED_VERSION') || offered >= version) {
        throw new ConnectionLost(`${this.remote} refused the handshake: ${errorName(answer.errorCode)}`);
      }
      version = offered;
    }
  }

  #exchange<A extends AnyApi>(api: A, version: number, message: RequestOf<A>, timeoutMs: number): Promise<Slab> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) throw this.#failure;
      const correlationId = this.#correlationId();
      const frame = encodeRequest(api, version, { correlationId, clientId: this.#clientId }, asInput(message));
      const timer = this.#env.clock.timer(timeoutMs, () => this.#timedOut(api.name, timeoutMs));
      const waiting = { correlationId, apiName: api.name, answered: resolve, failed: reject, timer };
      assert(this.#waiting.push(waiting), 'a client has few requests in flight');
      this.#socket.write(frame);
    });
  }

  /** Resolves when the kernel has taken the request, so that its bytes may be used again. */
  #sendOneWay<A extends AnyApi>(
    api: A,
    version: number,
    message: RequestOf<A>,
  ): Promise<TransportReply<ResponseOf<A>>> {
    return new Promise((resolve) => {
      if (this.#failure !== undefined) throw this.#failure;
      const header = { correlationId: this.#correlationId(), clientId: this.#clientId };
      const reply = { message: oneWayResponse(api), release: () => undefined };
      this.#socket.write(encodeRequest(api, version, header, asInput(message)), () => resolve(reply));
    });
  }

  #correlationId(): number {
    const id = this.#nextCorrelationId;
    this.#nextCorrelationId = (id + 1) & 0x7fff_ffff;
    return id;
  }

  #answered(slab: Slab): void {
    const waiting = this.#waiting.shift();
    const correlationId = slab.bytes.length < 4 ? undefined : slab.bytes.readInt32BE(0);
    if (waiting === undefined || correlationId !== waiting.correlationId) {
      slab.release();
      const failure = this.#fail(new ConnectionLost(`${this.remote} answered a request that was not sent`));
      waiting?.timer.cancel();
      waiting?.failed(failure);
      return;
    }
    waiting.timer.cancel();
    waiting.answered(slab);
  }

  #timedOut(apiName: string, timeoutMs: number): void {
    this.#fail(new ConnectionLost(`${this.remote} did not answer ${apiName} within ${Math.round(timeoutMs)} ms`));
  }

  /** Ends the connection once, rejecting all that wait; answers the error that they got. */
  #fail(cause: unknown): ConnectionLost {
    if (this.#failure !== undefined) return this.#failure;
    const failure =
      cause instanceof ConnectionLost
        ? cause
        : new ConnectionLost(`the connection to ${this.remote} was lost: ${textOf(cause)}`, { cause });
    this.#failure = failure;
    this.#socket.destroy();
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift()) {
      waiting.timer.cancel();
      waiting.failed(failure);
    }
    this.#ended.resolve();
    return failure;
  }
}

/** A whole message is one that leaves nothing out; the compiler cannot see that for an API that it does not know. */
function asInput<A extends AnyApi>(message: RequestOf<A>): RequestInput<A> {
  return message as RequestInput<A>;
}

function readApiVersions(
  slab: Slab,
  version: number,
): { readonly errorCode: number; readonly versions: ReadonlyMap<number, VersionRange> } {
  try {
    // An error code of 35 tells that the body is in version 0, whatever was asked.
    const isRefusal = slab.bytes.length >= 6 && slab.bytes.readInt16BE(4) === errorCode('UNSUPPORTED_VERSION');
    const { message } = decodeResponse(ApiVersions, isRefusal ? 0 : version, slab.bytes);
    const versions = new Map(
      message.apiKeys.map((range) => [range.apiKey, { min: range.minVersion, max: range.maxVersion }]),
    );
    return { errorCode: message.errorCode, versions };
  } finally {
    slab.release();
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * One client's connection: frames in, answers out in the order of the requests.
 *
 * A request is dispatched as soon as its frame is there, unless the one before holds it back; its answer waits for its turn. So
 * many appends of one client share a sync, and a parked fetch delays the answers behind it, as with Kafka, which serves one
 * request of a connection at a time. What a connection may cost is bounded: requests in work, bytes of requests,
 * bytes of answers that the peer does not read. At each bound reading stops until there is room.
 *
 * A frame's memory is given back when its request was decoded; that of a Produce request, whose records are written from
 * where they lie, when the handler and everything it retained the frame for are done. The others count by what they may have
 * become when decoded, until they are answered.
 */

import type { ByteBudget } from '../kernel/byte-budget.ts';
import type { Clock, NetSocket, SocketSink } from '../kernel/env.ts';
import type { Slab, SlabPool } from '../kernel/slab-pool.ts';
import { FrameReader, type FrameSink } from '../net/frame-reader.ts';
import { decodeRequest, encodeResponse, parseRequestHeader } from '../protocol/codec.ts';
import type { AnyApi } from '../protocol/schema.ts';
import type { ConnectionLimits, ConnectionTimes, Lateness } from './connection-limits.ts';
import { isTrickling, lateness } from './connection-limits.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { Departure } from './departure.ts';
import { unsupportedApiVersions } from './handlers/18-api-versions.ts';
import type { Reply, RequestContext } from './request.ts';
import { BrokerStopped } from './request.ts';
import { isServed, type Route, routeOf } from './router.ts';
import { SendQueue } from './send-queue.ts';
import type { UnsentAnswers } from './unsent-answers.ts';

const API_VERSIONS_KEY = 18;
/** Bytes of memory that a byte of a request without records may take when it is decoded: measured, 88 for 4. */
const DECODED_RATIO = 22;
/** In UTF-16 units, so of at least as many bytes (B-9). */
const CLIENT_ID_LENGTH_MAX = 1024;

export interface ConnectionOptions {
  readonly socket: NetSocket;
  readonly listener: 'tcp' | 'unix';
  readonly principal: string;
  readonly connectionId: number;
  readonly clock: Clock;
  readonly pool: SlabPool;
  readonly budget: ByteBudget;
  /** Of all connections. */
  readonly unsent: UnsentAnswers;
  /** As they are at the moment of the call. */
  readonly limits: () => ConnectionLimits;
  readonly handle: (route: Route, version: number, message: object, context: RequestContext) => Promise<Reply>;
  /** The peer did something that costs it its connection; for the log. */
  readonly onRefused: (connection: Connection, reason: string) => void;
  /** Something went wrong on our side, and the connection is closed for it. */
  readonly onFault: (what: string, error: unknown) => void;
  readonly onClosed: (connection: Connection) => void;
}

/** An answer that waits for its turn. */
interface Turn {
  readonly api: AnyApi;
  readonly version: number;
  readonly correlationId: number;
  reply?: Reply;
  /** A turn before it closed the connection; its answer is not given. */
  isDropped: boolean;
}

export class Connection implements FrameSink, SocketSink {
  readonly connectionId: number;
  readonly remote: string;
  readonly #options: ConnectionOptions;
  readonly #reader: FrameReader;
  readonly #sendQueue: SendQueue;
  readonly #watch: ConnectionWatch;
  readonly #departure = new Departure();
  readonly #turns: Turn[] = [];
  /** open: requests are taken. closing: what was taken is answered. closed: nothing goes in or out any more. */
  #state: 'open' | 'closing' | 'closed' = 'open';
  #isFlushDue = false;
  #isReadingHeld = false;
  #isSocketPaused = false;
  #holdCount = 0;
  #requestBytes = 0;

  constructor(options: ConnectionOptions) {
    const { socket, pool, budget, clock, connectionId } = options;
    this.#options = options;
    this.connectionId = connectionId;
    this.remote = socket.remote;
    this.#watch = new ConnectionWatch(clock);
    this.#sendQueue = new SendQueue(socket, options.unsent, () => this.#onSent());
    const pause = (): void => {
      this.#isSocketPaused = true;
      socket.pause();
    };
    const resume = (): void => {
      this.#isSocketPaused = false;
      this.#watch.readingResumed();
      socket.resume();
    };
    const frameBytesMax = (apiKey: number): number => options.limits().frameBytesMax(apiKey);
    this.#reader = new FrameReader({ pool, budget, frameBytesMax, pause, resume }, this);
  }

  start(): void {
    this.#options.socket.start(this);
  }

  target(): Uint8Array {
    return this.#reader.target();
  }

  received(byteCount: number): void {
    this.#watch.bytesArrived(byteCount);
    this.#reader.received(byteCount);
  }

  frame(slab: Slab): void {
    this.#watch.frameArrived(slab.bytes.length);
    if (this.#state === 'open') this.#take(slab);
    else slab.release();
    this.#settleReading();
  }

  refused(reason: string): void {
    this.#refuse(reason);
  }

  /** Called by the socket for the reader, and by the reader for its sink: the second call finds the connection closed. */
  ended(error?: Error): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#sendQueue.close();
    this.#reader.ended(error);
    this.#departure.announce();
    for (const turn of this.#turns) turn.reply?.release?.();
    this.#turns.length = 0;
    // The peer is gone or has said goodbye; what it did not wait for must not linger where nobody looks after it.
    this.#options.socket.destroy();
    this.#options.onClosed(this);
  }

  /** Takes no more requests, answers those that were taken, then closes. Waits of this connection end at once. */
  close(): void {
    if (this.#state !== 'open') return;
    this.#beginClosing();
    this.#flush();
  }

  /** Closes at once; answers that are not out are lost. */
  destroy(): void {
    this.#options.socket.destroy();
  }

  /** What this connection has been waited for too long, if anything (B-7, B-8). */
  lateness(nowMs: number): Lateness | undefined {
    return lateness(this.#options.limits(), this.#times(nowMs));
  }

  /** Bytes of answers that the peer has not read. */
  get unsentBytes(): number {
    return this.#sendQueue.unsentBytes;
  }

  /** Bytes of answers that the peer has not read, and for how long it has read none. */
  unsent(): { readonly byteCount: number; readonly forMs: number } {
    const nowMs = this.#options.clock.monotonicMs();
    return { byteCount: this.#sendQueue.unsentBytes, forMs: this.#times(nowMs).unsentForMs ?? 0 };
  }

  /** Whether a request comes so slowly that its memory is better given to those that wait for some. */
  isTrickling(nowMs: number): boolean {
    return isTrickling(this.#times(nowMs), this.#watch.unfinishedBytes);
  }

  #times(nowMs: number): ConnectionTimes {
    return this.#watch.times({
      nowMs,
      isRemote: this.#options.listener === 'tcp',
      isReadingStopped: this.#isSocketPaused || this.#isReadingHeld,
      hasWork: this.#turns.length > 0,
      unsentBytes: this.#sendQueue.unsentBytes,
    });
  }

  #refuse(reason: string): void {
    this.#options.onRefused(this, reason);
    this.close();
  }

  /** Decodes and dispatches one request. */
  #take(slab: Slab): void {
    try {
      const { apiKey, apiVersion, correlationId, clientId, bodyOffset } = parseRequestHeader(slab.bytes);
      const route = routeOf(apiKey, this.#options.listener);
      if (clientId.length > CLIENT_ID_LENGTH_MAX) {
        slab.release();
        this.#refuse(`a client id of ${clientId.length} characters`);
      } else if (route === undefined) {
        slab.release();
        this.#refuse(`API ${apiKey} is not served`);
      } else if (isServed(route, apiVersion)) {
        const message: object = decodeRequest(route.api, apiVersion, slab.bytes, bodyOffset) as object;
        const turn: Turn = { api: route.api, version: apiVersion, correlationId, isDropped: false };
        this.#turns.push(turn);
        this.#dispatch(route, turn, message, clientId, slab);
      } else {
        slab.release();
        if (apiKey !== API_VERSIONS_KEY) {
          this.#refuse(`version ${apiVersion} of ${route.api.name} is not served`);
          return;
        }
        this.#turns.push({
          api: route.api,
          version: 0,
          correlationId,
          reply: unsupportedApiVersions(),
          isDropped: false,
        });
        this.#flushSoon();
      }
    } catch (error) {
      slab.release();
      this.#refuse(`a request cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Never throws: from here on the slab has an owner. */
  #dispatch(route: Route, turn: Turn, message: object, clientId: string, slab: Slab): void {
    const retained: Promise<unknown>[] = [];
    const byteCount = route.keepsFrame ? slab.bytes.length : slab.bytes.length * DECODED_RATIO;
    if (!route.keepsFrame) slab.release();
    this.#requestBytes += byteCount;
    const context = this.#context(clientId, retained);
    const answered = this.#handle(route, turn, message, context);
    // Before the answer is there nobody knows how long it is: the next request is looked at when it is.
    if (route.answersMuch) this.#hold(answered);
    const done = answered.then(
      (reply) => this.#answer(turn, reply),
      (error: unknown) => this.#fail(turn, error),
    );
    const free = (): void => {
      if (route.keepsFrame) slab.release();
      this.#requestBytes -= byteCount;
      this.#settleReading();
    };
    done.then(() => (retained.length === 0 ? free() : Promise.allSettled(retained).then(free))).catch(free);
  }

  #handle(route: Route, turn: Turn, message: object, context: RequestContext): Promise<Reply> {
    const { handle, unsent, listener } = this.#options;
    // The owner of the directory does not wait for what others leave unread.
    if (!route.answersMuch || listener === 'unix') return handle(route, turn.version, message, context);
    return unsent.whenRoom(() => {
      if (this.#state === 'closed') throw new BrokerStopped('nobody is there to be answered');
      return handle(route, turn.version, message, context);
    });
  }

  #context(clientId: string, retained: Promise<unknown>[]): RequestContext {
    const { listener, principal, connectionId } = this.#options;
    return {
      listener,
      principal,
      clientId,
      connectionId,
      remote: this.remote,
      departure: this.#departure,
      hold: (until) => this.#hold(until),
      retain: (until) => {
        retained.push(until);
      },
    };
  }

  #hold(until: Promise<unknown>): void {
    this.#holdCount += 1;
    const letGo = (): void => {
      this.#holdCount -= 1;
      this.#settleReading();
    };
    until.then(letGo, letGo);
  }

  #answer(turn: Turn, reply: Reply): void {
    turn.reply = reply;
    if (this.#state === 'closed' || turn.isDropped) reply.release?.();
    else this.#flushSoon();
  }

  #fail(turn: Turn, error: unknown): void {
    if (this.#state === 'closed') return;
    this.#answer(turn, { message: undefined, closeConnection: true });
    if (!(error instanceof BrokerStopped)) this.#options.onFault(`${turn.api.name} failed`, error);
  }

  /** One microtask later, so that answers which become ready together go out together. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  /** Writes the answers whose turn it is. */
  #flush(): void {
    if (this.#state === 'closed') return;
    let isLast = false;
    while (!isLast) {
      const reply = this.#turns[0]?.reply;
      const turn = reply === undefined ? undefined : this.#turns.shift();
      if (reply === undefined || turn === undefined) break;
      isLast = !this.#send(turn, reply) || reply.closeConnection === true;
    }
    if (isLast) this.#dropTurns();
    this.#sendQueue.flush();
    this.#settleReading();
    this.#endWhenDone();
  }

  /** False when the answer cannot be written, after which the client would wait for ever. */
  #send(turn: Turn, reply: Reply): boolean {
    if (reply.message === undefined) {
      reply.release?.();
      return true;
    }
    try {
      const version = reply.version ?? turn.version;
      const chunks = encodeResponse(turn.api, version, turn.correlationId, reply.message as never);
      if (this.#sendQueue.unsentBytes === 0) this.#watch.sendingWent();
      this.#sendQueue.push(chunks, reply.release);
      return true;
    } catch (error) {
      reply.release?.();
      this.#options.onFault(`the answer to ${turn.api.name} cannot be written`, error);
      return false;
    }
  }

  /** The answers behind one that closes the connection are not given. */
  #dropTurns(): void {
    for (const turn of this.#turns) {
      turn.isDropped = true;
      turn.reply?.release?.();
    }
    this.#turns.length = 0;
    if (this.#state === 'open') this.#beginClosing();
  }

  #beginClosing(): void {
    this.#state = 'closing';
    this.#departure.announce();
    this.#settleReading();
  }

  #onSent(): void {
    this.#watch.sendingWent();
    this.#settleReading();
    this.#endWhenDone();
  }

  #endWhenDone(): void {
    if (this.#state === 'closing' && this.#turns.length === 0 && this.#sendQueue.unsentBytes === 0) {
      this.#options.socket.end();
    }
  }

  #settleReading(): void {
    const limits = this.#options.limits();
    const isHeld =
      this.#state !== 'open' ||
      this.#holdCount > 0 ||
      this.#turns.length >= limits.requestsMax ||
      this.#requestBytes > limits.requestBytesMax ||
      this.#sendQueue.unsentBytes > limits.unsentBytesMax;
    if (isHeld === this.#isReadingHeld || (this.#isReadingHeld && this.#state !== 'open')) return;
    this.#isReadingHeld = isHeld;
    if (isHeld) this.#reader.hold();
    else this.#reader.release();
  }
}

/** All connections of a broker: who may come in, who has to go, and the end of all of them. */

import { ByteBudget } from '../kernel/byte-budget.ts';
import type { Env, NetSocket, Timer } from '../kernel/env.ts';
import { oneLine } from '../kernel/one-line.ts';
import type { SlabPool } from '../kernel/slab-pool.ts';
import type { EffectiveSettings } from './broker-settings.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { connectionLimits } from './connection-limits.ts';
import { logFault } from './failure.ts';
import { UnsentAnswers } from './unsent-answers.ts';

const SWEEP_MS = 1000;
const COMPLAINTS_PER_SWEEP = 5;
/** While more than the bound is unsent, whoever has read nothing for so long is given up. */
const UNREAD_MS_MAX = 2000;

export interface ConnectionsOptions {
  /** Where the memory of requests comes from. */
  readonly pool: SlabPool;
  readonly handle: ConnectionOptions['handle'];
  readonly principalOf: (listener: 'tcp' | 'unix') => string;
}

export class Connections {
  readonly #env: Env;
  readonly #settings: EffectiveSettings;
  readonly #options: ConnectionsOptions;
  #limits: ConnectionLimits;
  /** Commands on the directory, which only its owner can give, do not wait for what others send or do not send. */
  readonly #budgets: Readonly<Record<'tcp' | 'unix', ByteBudget>>;
  readonly #unsent: UnsentAnswers;
  readonly #open = new Set<Connection>();
  /** Those that came by TCP: the bounds on how many there may be are about them. */
  readonly #remote = new Set<Connection>();
  readonly #countByHost = new Map<string, number>();
  #nextConnectionId = 1;
  #acceptedInSweep = 0;
  #complaintsInSweep = 0;
  #sweepTimer: Timer | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(env: Env, settings: EffectiveSettings, options: ConnectionsOptions) {
    this.#env = env;
    this.#settings = settings;
    this.#options = options;
    this.#unsent = new UnsentAnswers(env.clock);
    this.#limits = connectionLimits(settings);
    const queuedBytesMax = settings.number('queued.max.request.bytes');
    this.#budgets = { tcp: new ByteBudget(queuedBytesMax), unix: new ByteBudget(queuedBytesMax) };
  }

  get count(): number {
    return this.#open.size;
  }

  accept(socket: NetSocket, listener: 'tcp' | 'unix'): void {
    const refusal = this.#refusal(socket, listener);
    if (refusal !== undefined) {
      this.#complain(`${socket.remote} is not let in: ${refusal}`);
      socket.destroy();
      return;
    }
    if (this.#open.size === 0) this.#readSettings();
    if (listener === 'tcp') this.#acceptedInSweep += 1;
    const connection = new Connection({
      socket,
      listener,
      principal: this.#options.principalOf(listener),
      connectionId: this.#nextConnectionId++,
      clock: this.#env.clock,
      pool: this.#options.pool,
      budget: this.#budgets[listener],
      unsent: this.#unsent,
      limits: () => this.#limits,
      handle: this.#options.handle,
      onRefused: ({ remote }, reason) => this.#complain(`${remote}: ${oneLine(reason)}`),
      onFault: (what, error) => logFault(this.#env.log, what, error),
      onClosed: (closed) => this.#forget(closed),
    });
    this.#open.add(connection);
    if (listener === 'tcp') this.#remote.add(connection);
    this.#countHost(connection, 1);
    this.#sweepTimer ??= this.#sweepLater();
    connection.start();
  }

  /** Answers what was taken and closes; what has not ended after `timeoutMs` is cut off. */
  async close(timeoutMs: number): Promise<void> {
    for (const connection of [...this.#open]) connection.close();
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#env.clock.timer(timeoutMs, resolve);
        this.#onEmpty = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.destroy();
  }

  /** Cuts all connections off. */
  destroy(): void {
    for (const connection of [...this.#open]) connection.destroy();
    this.#sweepTimer?.cancel();
    this.#sweepTimer = undefined;
  }

  /** Who came by the directory is let in, and takes nobody's place (Kafka: the inter-broker listener): a wrong bound can be altered. */
  #refusal(socket: NetSocket, listener: 'tcp' | 'unix'): string | undefined {
    if (listener === 'unix') return undefined;
    if (this.#remote.size >= this.#settings.number('max.connections')) return 'max.connections are open';
    const hostCount = this.#countByHost.get(hostOf(socket.remote)) ?? 0;
    if (hostCount >= this.#settings.number('max.connections.per.ip')) return 'max.connections.per.ip are open';
    const rate = this.#settings.number('max.connection.creation.rate');
    return this.#acceptedInSweep >= rate ? 'more than max.connection.creation.rate' : undefined;
  }

  /** At most a sweep later than they were altered; a first connection finds them as they are. */
  #readSettings(): void {
    this.#limits = connectionLimits(this.#settings);
    const queuedBytesMax = this.#settings.number('queued.max.request.bytes');
    this.#budgets.tcp.resize(queuedBytesMax);
    this.#budgets.unix.resize(queuedBytesMax);
  }

  #forget(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    this.#remote.delete(connection);
    this.#countHost(connection, -1);
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  #countHost({ remote }: Connection, change: 1 | -1): void {
    const host = hostOf(remote);
    const count = (this.#countByHost.get(host) ?? 0) + change;
    if (count === 0) this.#countByHost.delete(host);
    else this.#countByHost.set(host, count);
  }

  #sweepLater(): Timer {
    return this.#env.clock.timer(SWEEP_MS, () => this.#sweep(), true);
  }

  /** One timer for all connections, none while there are none. */
  #sweep(): void {
    this.#acceptedInSweep = 0;
    this.#complaintsInSweep = 0;
    this.#readSettings();
    // A Set may lose members while it is walked. Ten thousand idle ones are looked at each second: no copy, one look at the clock.
    const nowMs = this.#env.clock.monotonicMs();
    for (const connection of this.#open) {
      const late = connection.lateness(nowMs);
      if (late === undefined) continue;
      if (late === 'idle') {
        connection.close();
      } else {
        this.#complain(`${connection.remote} is cut off: ${late}`);
        connection.destroy();
      }
    }
    this.#relieve();
    if (this.#budgets.tcp.waitingCount > 0) this.#giveMemory(nowMs);
    this.#sweepTimer = this.#open.size > 0 ? this.#sweepLater() : undefined;
  }

  /** Cuts off those that leave the most unread, until the answers of all together are within their bound. */
  #relieve(): void {
    let excessBytes = this.#unsent.excessBytes;
    if (excessBytes === 0) return;
    const unsent = [...this.#open].map((connection) => ({ connection, ...connection.unsent() }));
    const unread = unsent.filter(({ forMs }) => forMs >= UNREAD_MS_MAX);
    for (const { connection, byteCount } of unread.sort((left, right) => right.byteCount - left.byteCount)) {
      if (excessBytes <= 0) return;
      excessBytes -= byteCount;
      this.#complain(
        `${connection.remote} is cut off: it leaves ${byteCount} bytes of answers unread, and there are too many`,
      );
      connection.destroy();
    }
  }

  /** Cuts off those that hold memory for a request and hardly send it, while others wait for memory. */
  #giveMemory(nowMs: number): void {
    for (const connection of this.#open) {
      if (!connection.isTrickling(nowMs)) continue;
      this.#complain(`${connection.remote} is cut off: it sends a request slowly, and others wait for its memory`);
      connection.destroy();
    }
  }

  /** A peer that misbehaves on purpose must not fill the log. */
  #complain(text: string): void {
    this.#complaintsInSweep += 1;
    if (this.#complaintsInSweep <= COMPLAINTS_PER_SWEEP) this.#env.log.warn(text);
    else this.#env.log.debug(text);
    this.#sweepTimer ??= this.#sweepLater();
  }
}

/** The host of `host:port`; the whole text where there is no port. */
function hostOf(remote: string): string {
  const colon = remote.lastIndexOf(':');
  return colon < 0 ? remote : remote.slice(0, colon);
}

/**
 * One broker over one directory: its parts, put together here and nowhere else, and its life from the won registration to
 * release. Requests come in by `handle`, from sockets and from the command in the same process alike.
 */

import type { BrokerSession } from '../cluster/broker-session.ts';
import { assert } from '../kernel/assert.ts';
import type { Env, NetAddress, NetListener } from '../kernel/env.ts';
import { SlabPool } from '../kernel/slab-pool.ts';
import { DirectorySize } from '../log/directory-size.ts';
import { LogDirectory } from '../log/log-directory.ts';
import { Produce } from '../protocol/apis/00-produce.ts';
import type { AnyApi } from '../protocol/schema.ts';
import { allowEverything } from './authorize.ts';
import { BackgroundRecovery } from './background-recovery.ts';
import type { BrokerSettings } from './broker-settings.ts';
import { EffectiveSettings } from './broker-settings.ts';
import { Connections } from './connections.ts';
import { Deadlines } from './deadlines.ts';
import { DiskRoom } from './disk-room.ts';
import { logFault } from './failure.ts';
import { FetchMemory } from './fetch-memory.ts';
import { Groups } from './groups.ts';
import { LogCleaner } from './log-cleaner.ts';
import { Partitions } from './partitions.ts';
import { Purgatory } from './purgatory.ts';
import type { Reply, RequestContext } from './request.ts';
import { BrokerStopped, RequestRefused } from './request.ts';
import { advertisedVersions, isServed, type Route, routeOf } from './router.ts';
import type { BrokerServices, Call, HandOverAsked } from './services.ts';
import { neverThrottled } from './throttle.ts';
import { Upkeep } from './upkeep.ts';

export type { HandOverAsked } from './services.ts';

/** How long a stop waits for requests in work, and then for answers to be read. */
const WORK_MS_MAX = 30_000;
const ANSWER_MS_MAX = 5_000;
const ANONYMOUS = 'User:ANONYMOUS';

export interface BrokerOptions {
  /** Memory for frames and reads. */
  readonly pool?: SlabPool;
  /** False: nothing goes for its age, for want of room or by compaction while it runs, as over a directory that may only be read. */
  readonly deletes?: boolean;
}

export class Broker {
  /** Of whoever came by the directory: on its Unix socket, or in the process that embeds the broker. */
  readonly ownerPrincipal: string;
  readonly #env: Env;
  readonly #session: BrokerSession;
  readonly #logs: LogDirectory;
  readonly #services: BrokerServices;
  readonly #connections: Connections;
  readonly #room: DiskRoom;
  readonly #upkeep: Upkeep | undefined;
  readonly #cleaner: LogCleaner | undefined;
  readonly #recovery: BackgroundRecovery;
  readonly #forgetImage: () => void;
  readonly #listeners: NetListener[] = [];
  #isRunning = true;
  #workCount = 0;
  #onIdle: (() => void) | undefined;
  #stopping: Promise<void> | undefined;
  #handOverListener: ((asked: HandOverAsked) => boolean) | undefined;

  /**
   * The session's registration has been won; from here on the broker owns the session and releases it when it stops.
   * Rejects when the log directory cannot be opened; the session is then still the caller's.
   */
  static async start(
    env: Env,
    session: BrokerSession,
    settings: BrokerSettings,
    options: BrokerOptions = {},
  ): Promise<Broker> {
    const { pool = new SlabPool(), deletes = true } = options;
    const owner = await env.disk.stat(session.directory);
    const tell = (problem: string): void => env.log.warn(problem);
    const effective = new EffectiveSettings(settings, () => session.settings(), session.brokerId, tell);
    const size = new DirectorySize(env.disk, session.brokerDirectory);
    if (deletes) size.setCap(effective.maxDiskBytes);
    const logs = await LogDirectory.open(env, {
      brokerDirectory: session.brokerDirectory,
      clusterId: session.clusterId,
      brokerId: session.brokerId,
      brokerEpoch: session.brokerEpoch,
      canWrite: () => session.holdsLease(),
      lastCloseWasClean: session.lastCloseWasClean,
      pool,
      size,
      onRootMade: () => session.noteLogs(),
      topics: {
        isKnown: (topic) => session.image().topics.has(topic),
        isDeleted: (topicId) => session.image().deletedTopicIds.has(topicId),
      },
    });
    const ownerPrincipal = `User:${owner?.uid ?? 'owner'}`;
    return new Broker(env, session, { settings: effective, logs, size, pool, deletes, ownerPrincipal });
  }

  private constructor(
    env: Env,
    session: BrokerSession,
    parts: {
      settings: EffectiveSettings;
      logs: LogDirectory;
      size: DirectorySize;
      pool: SlabPool;
      deletes: boolean;
      ownerPrincipal: string;
    },
  ) {
    const { settings, logs, size, pool, deletes, ownerPrincipal } = parts;
    this.#env = env;
    this.#session = session;
    this.#logs = logs;
    this.ownerPrincipal = ownerPrincipal;
    const deadlines = new Deadlines(env.clock);
    const partitions = new Partitions(env, session, logs, settings);
    this.#services = {
      env,
      session,
      settings,
      deadlines,
      partitions,
      purgatory: new Purgatory(deadlines),
      fetchMemory: new FetchMemory(),
      groups: new Groups({ env, session, settings, partitions, logSizes: () => logs.sizes() }),
      authorize: allowEverything,
      throttleTimeMs: neverThrottled,
      logSizes: () => logs.sizes(),
      advertised: advertisedVersions,
      askHandOver: (asked) => this.#handOverListener?.(asked) ?? false,
    };
    this.#connections = new Connections(env, settings, {
      pool,
      handle: (route, version, message, context) => this.#admit(route, version, message, context),
      principalOf: (listener) => (listener === 'unix' ? ownerPrincipal : ANONYMOUS),
    });
    this.#room = new DiskRoom({ env, size, logs, partitions });
    this.#forgetImage = session.onImage(() => {
      if (deletes) this.#room.setCap(settings.maxDiskBytes);
    });
    if (deletes) this.#upkeep = new Upkeep({ env, logs, partitions, settings, room: this.#room });
    if (deletes) this.#cleaner = new LogCleaner({ env, logs, partitions, settings });
    this.#recovery = new BackgroundRecovery(env, logs, partitions);
    session.onResigned(() => this.#resign());
  }

  /**
   * Serves one request. Up to the queueing of its appends it runs before this returns, so the order of calls is the order in
   * the log, unless `context.hold` was called: then the next call waits for that. The caller releases the reply.
   *
   * Throws BrokerStopped when nothing was done, RequestRefused when the API or version is not served.
   */
  async handle(api: AnyApi, version: number, message: object, context: RequestContext): Promise<Reply> {
    const route = routeOf(api.key, context.listener);
    if (route === undefined || !isServed(route, version)) {
      throw new RequestRefused(`version ${version} of ${api.name} is not served`);
    }
    return this.#admit(route, version, message, context);
  }

  /** Serves Kafka's protocol on an address. Throws as `Net.listen`. */
  async listen(address: NetAddress, kind: 'tcp' | 'unix'): Promise<NetListener> {
    const listener = await this.#env.net.listen(address, (socket) => {
      if (this.#isRunning) this.#connections.accept(socket, kind);
      else socket.destroy();
    });
    this.#listeners.push(listener);
    if (!this.#isRunning) await listener.close();
    return listener;
  }

  /** After an unclean end recovers all logs in the background: for a broker that is there to stay. */
  recoverInBackground(): void {
    this.#recovery.begin();
  }

  /** Who decides when another process asks for this broker's place; nobody may have it without. */
  onHandOverAsked(listener: (asked: HandOverAsked) => boolean): void {
    this.#handOverListener = listener;
  }

  /**
   * Takes no more requests, finishes and makes durable what it took, answers it, closes connections, logs and at last the
   * session. Ends within a bounded time; never rejects. Later calls wait for the first.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #admit(route: Route, version: number, message: object, context: RequestContext): Promise<Reply> {
    if (!this.#isRunning && !route.isPrivate) throw new BrokerStopped('the broker has stopped');
    this.#workCount += 1;
    try {
      const room = route.api.key === Produce.key ? this.#room.wait() : undefined;
      if (room !== undefined) return await this.#afterwards(room, route, message, { version, context });
      return await route.handle(this.#services, message, { version, context });
    } finally {
      this.#workCount -= 1;
      if (this.#workCount === 0) this.#onIdle?.();
    }
  }

  /** Serves a request once `room` resolved; the connection gives out the next one when this one has come as far as it does at once. */
  async #afterwards(room: Promise<void>, route: Route, message: object, call: Call): Promise<Reply> {
    let reply: Promise<Reply> | undefined;
    const begun = room.then(() => {
      reply = route.handle(this.#services, message, call);
    });
    call.context.hold(begun);
    await begun;
    assert(reply !== undefined, 'the request was served');
    return await reply;
  }

  /** Somebody else is the broker: whoever is connected must look for them, and what waits here has no answer. */
  #resign(): void {
    this.#isRunning = false;
    // Before connections end: members whose connection we cut have not left their groups.
    this.#quietly('the groups', this.#services.groups.stop()).catch(() => undefined);
    this.#connections.destroy();
    this.stop().catch(() => undefined);
  }

  async #stop(): Promise<void> {
    this.#isRunning = false;
    const { purgatory, fetchMemory, groups, partitions, deadlines } = this.#services;
    await Promise.all(this.#listeners.map((listener) => this.#quietly('a listener', listener.close())));
    purgatory.stop();
    fetchMemory.stop();
    // While connections are open, and before the wait for what is in work: a member may wait for others for minutes.
    await this.#quietly('the groups', groups.stop());
    this.#forgetImage();
    await Promise.all([this.#upkeep?.stop(), this.#room.stop(), this.#recovery.stop(), this.#cleaner?.stop()]);
    await this.#idle();
    await this.#connections.close(ANSWER_MS_MAX);
    await this.#quietly('the partitions', partitions.close());
    // Without the lease nothing may be written, not even that all was closed cleanly; a lapse may be over in a moment.
    if (!this.#session.holdsLease()) await this.#quietly('the lease', this.#session.renewLease());
    await this.#quietly('compaction', this.#cleaner?.finish());
    await this.#quietly('the logs', this.#logs.close());
    deadlines.close();
    await this.#quietly('the registration', this.#session.release());
  }

  /** Resolves when no request is in work, or when it has taken too long. */
  #idle(): Promise<void> {
    if (this.#workCount === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#env.clock.timer(WORK_MS_MAX, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** The rest of the stop goes on whatever happens: logs that were not closed cleanly are found so at the next start. */
  async #quietly(what: string, closing: Promise<unknown> | undefined): Promise<void> {
    try {
      await closing;
    } catch (error) {
      logFault(this.#env.log, `closing ${what}`, error);
    }
  }
}

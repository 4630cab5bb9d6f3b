/**
 * The broker's coordinator of groups, loaded with the first call for one: what it takes to run groups costs no command that has none.
 * Calls made meanwhile wait in their order.
 */

import type { BrokerSession } from '../cluster/broker-session.ts';
import type { GroupCoordinator, GroupWork } from '../coordinator/coordinator.ts';
import { notCoordinator } from '../coordinator/coordinator-errors.ts';
import { OFFSETS_TOPIC, OffsetsTopic } from '../coordinator/offsets-topic.ts';
import type { GroupCaller } from '../coordinator/shard-machine.ts';
import type { Env } from '../kernel/env.ts';
import { Queue } from '../kernel/queue.ts';
import { KafkaError } from '../protocol/errors.ts';
import type { EffectiveSettings } from './broker-settings.ts';
import { groupSettings } from './group-settings.ts';
import { confirmLease, confirmSight } from './lease.ts';
import type { Partitions } from './partitions.ts';
import type { RequestContext } from './request.ts';

export interface GroupsParts {
  readonly env: Env;
  readonly session: BrokerSession;
  readonly settings: EffectiveSettings;
  readonly partitions: Pick<Partitions, 'log'>;
  readonly logSizes: () => Promise<ReadonlyMap<string, number>>;
}

/** The request as far as it is not its message. */
interface GroupCall {
  readonly version: number;
  readonly context: RequestContext;
}

/** Calls that wait for the coordinator's code. */
const WAITING_COUNT_MAX = 4096;

let loading: Promise<typeof import('../coordinator/coordinator.ts')> | undefined;

/** The coordinator's code; once in a process. */
export function loadCoordinator(): Promise<typeof import('../coordinator/coordinator.ts')> {
  loading ??= import('../coordinator/coordinator.ts');
  return loading;
}

export class Groups {
  /** Made by whoever asks first where the coordinator of a group is. */
  readonly offsetsTopic: OffsetsTopic;
  readonly #parts: GroupsParts;
  readonly #waiting = new Queue<{ ask(coordinator: GroupCoordinator): void; refuse(error: KafkaError): void }>(
    WAITING_COUNT_MAX,
  );
  #coordinator: GroupCoordinator | undefined;
  #isStopped = false;

  constructor(parts: GroupsParts) {
    const { session, settings } = parts;
    this.#parts = parts;
    this.offsetsTopic = new OffsetsTopic(session, () => ({
      partitionCount: settings.number('offsets.topic.num.partitions'),
      segmentBytes: settings.number('offsets.topic.segment.bytes'),
    }));
  }

  /**
   * Asks the group's machine, behind all calls that were made before this one. What `work` needs of the request's own bytes has to be
   * copied before. Rejects with KafkaError, NOT_COORDINATOR while the topic of offsets is missing.
   */
  call<R>(groupId: string, call: GroupCall, work: GroupWork<R>): Promise<R> {
    return this.#ask((coordinator) => coordinator.call(groupId, this.#callerOf(call), work));
  }

  /**
   * As `call`, for what speaks of a group that is there, and must not make the topic of offsets: without the topic there are none.
   * Rejects with KafkaError, GROUP_ID_NOT_FOUND while it is missing.
   */
  callKnown<R>(groupId: string, call: GroupCall, work: GroupWork<R>): Promise<R> {
    if (!this.#isStopped && this.offsetsTopic.find() === undefined) {
      return Promise.reject(new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`));
    }
    return this.call(groupId, call, work);
  }

  /** Asks every machine that may hold groups; no answers while there is no topic of offsets. Rejects with KafkaError. */
  async callAll<R>(call: GroupCall, work: GroupWork<R>): Promise<readonly R[]> {
    if (this.offsetsTopic.find() === undefined) return [];
    return await this.#ask((coordinator) => coordinator.callAll(this.#callerOf(call), work));
  }

  /**
   * From now on nobody is removed and nothing decided; whoever waits is refused, at once. Resolves when what was appended has settled.
   */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const refusal = notCoordinator('the broker is stopping');
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.refuse(refusal);
    await this.#coordinator?.stop();
  }

  #ask<R>(ask: (coordinator: GroupCoordinator) => Promise<R>): Promise<R> {
    if (this.#isStopped) return Promise.reject(notCoordinator('the broker is stopping'));
    if (this.offsetsTopic.find() === undefined) return Promise.reject(notCoordinator(`there is no ${OFFSETS_TOPIC}`));
    if (this.#coordinator !== undefined) return ask(this.#coordinator);
    return new Promise((resolve, reject) => {
      const waiting = {
        ask: (coordinator: GroupCoordinator) => void ask(coordinator).then(resolve, reject),
        refuse: reject,
      };
      if (!this.#waiting.push(waiting)) {
        reject(new KafkaError('COORDINATOR_LOAD_IN_PROGRESS', 'too many requests wait for the coordinator'));
      } else if (this.#waiting.count === 1) {
        loadCoordinator()
          .then((module) => this.#begin(module))
          .catch((error: unknown) => this.#refuseAll(error));
      }
    });
  }

  #begin({ GroupCoordinator: Coordinator }: typeof import('../coordinator/coordinator.ts')): void {
    if (this.#isStopped) return;
    const { env, session, settings, partitions, logSizes } = this.#parts;
    const coordinator = new Coordinator({
      env,
      session,
      settings: groupSettings(settings),
      offsetsTopic: this.offsetsTopic,
      place: {
        holdsLease: () => session.holdsLease(),
        confirmLease: () => confirmLease(session),
        maySee: () => session.maySee(),
        confirmSight: () => confirmSight(session),
      },
      expiryIntervalMs: () => settings.number('offsets.retention.check.interval.ms'),
      openLog: (topic, partition) => partitions.log(topic, partition),
      logSizes,
    });
    // All of them before anybody else can ask it: the order of a connection's calls is the order of its requests.
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.ask(coordinator);
    this.#coordinator = coordinator;
  }

  #refuseAll(cause: unknown): void {
    const error = new KafkaError('COORDINATOR_NOT_AVAILABLE', 'the coordinator cannot be loaded', { cause });
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.refuse(error);
  }

  #callerOf({ version, context }: GroupCall): GroupCaller {
    const { listener, clientId, connectionId, departure } = context;
    return {
      clientId,
      clientHost: this.#clientHostOf(context),
      // Over TCP a connection may come and go while its member lives on; an embedding command is the broker's own process.
      connectionId: listener === 'unix' ? connectionId : undefined,
      apiVersion: version,
      departure,
    };
  }

  /** As Java prints an address, which is what Kafka has there. */
  #clientHostOf({ listener, remote }: RequestContext): string {
    if (listener === 'unix') return '/unix';
    if (listener === 'embedded') return `/embedded-${this.#parts.session.brokerEpoch}`;
    return `/${remote.slice(0, Math.max(0, remote.lastIndexOf(':'))).replace(/^\[(.*)\]$/, '$1')}`;
  }
}

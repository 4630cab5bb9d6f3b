/** The broker that keeps one group: found, asked, and looked for again when it is another one. */
import type { Env } from '../kernel/env.ts';
import { FindCoordinator } from '../protocol/apis/10-find-coordinator.ts';
import { type ErrorName, errorName, KafkaError } from '../protocol/errors.ts';
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts';
import { Backoff } from './backoff.ts';
import { callOnce, pauseBeforeRetry, pickVersion, unreachable } from './call.ts';
import { ConnectionLost } from './client-error.ts';
import { Deadline } from './deadline.ts';
import { refusal } from './refusal.ts';
import { ANY_NODE, type Lane, type Transport, type VersionRange } from './transport.ts';

const GROUP_KEY_TYPE = 0;
/** The first version of FindCoordinator that asks for many keys. */
const MANY_KEYS_VERSION = 4;

/** Those that make no group, by name: members should not load the APIs of admins. */
const MAKES_NOTHING: ReadonlySet<string> = new Set([
  'OffsetFetch',
  'DescribeGroups',
  'ConsumerGroupDescribe',
  'DeleteGroups',
  'OffsetDelete',
]);

const TROUBLE: ReadonlySet<ErrorName> = new Set([
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
]);

/** Whether the error says that the coordinator is another broker, or is not ready yet. */
export function isCoordinatorTrouble(name: ErrorName): boolean {
  return TROUBLE.has(name);
}

export interface GroupCoordinatorOptions {
  readonly env: Env;
  readonly transport: Transport;
  readonly groupId: string;
  /** All groups of a directory are kept by its one broker. */
  readonly isByDirectory: boolean;
}

export class GroupCoordinator {
  readonly groupId: string;
  readonly #env: Env;
  readonly #transport: Transport;
  readonly #isByDirectory: boolean;
  #node: number | undefined;
  #versions: ReadonlyMap<number, VersionRange> | undefined;

  constructor({ env, transport, groupId, isByDirectory }: GroupCoordinatorOptions) {
    this.groupId = groupId;
    this.#env = env;
    this.#transport = transport;
    this.#isByDirectory = isByDirectory;
  }

  /** Whether requests of this API can be sent. Throws as `request`. */
  async offers(api: AnyApi, timeoutMs: number): Promise<boolean> {
    const range = (await this.#offered(await this.#nodeFor(api, timeoutMs))).get(api.key);
    return range !== undefined && range.min <= api.versions.max && range.max >= api.versions.min;
  }

  /**
   * One attempt, in the highest version up to `versionMax` that both sides speak. Once one was answered, those that follow go out in
   * the turn in which they are made. Throws `ConnectionLost`; KafkaError (`isCoordinatorTrouble`) when no coordinator is known;
   * `ClientError`.
   */
  async request<A extends AnyApi>(
    api: A,
    versionMax: number,
    message: (version: number) => RequestOf<A>,
    timeoutMs: number,
    lane: Lane = 'group',
  ): Promise<ResponseOf<A>> {
    const node = this.#node ?? (await this.#nodeFor(api, timeoutMs));
    const offered = this.#versions ?? (await this.#offered(node));
    const version = pickVersion(api, offered, versionMax);
    try {
      const reply = await this.#transport.request(node, api, version, message(version), timeoutMs, lane);
      reply.release();
      return reply.message;
    } catch (error) {
      if (error instanceof ConnectionLost) this.#connectionLost();
      throw error;
    }
  }

  /** To be called for each answer. Throws KafkaError for an error code; after a coordinator's it is looked for again. */
  check(code: number): void {
    if (code === 0) return;
    const name = errorName(code);
    if (name === 'NOT_COORDINATOR' || name === 'COORDINATOR_NOT_AVAILABLE') this.#node = undefined;
    throw new KafkaError(name);
  }

  /**
   * As `work`, tried again after lost connections and coordinator trouble until the deadline; then throws `Unreachable` or
   * `ClientError`. Other errors are thrown as they are.
   */
  async persistently<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
    const backoff = new Backoff(this.#env.random);
    for (;;) {
      try {
        return await work();
      } catch (error) {
        await this.pause(deadline, backoff, error);
      }
    }
  }

  /** Waits for the next attempt, if `error` is one after which there is one; else, and at the deadline, throws. */
  async pause(deadline: Deadline, backoff: Backoff, error: unknown): Promise<void> {
    const caller = { env: this.#env, transport: this.#transport, deadline };
    if (error instanceof ConnectionLost) await pauseBeforeRetry(caller, backoff, unreachable(error));
    else if (error instanceof KafkaError && isRepeatable(error.errorName)) {
      await pauseBeforeRetry(caller, backoff, this.refused(error));
    } else throw error;
  }

  /** What a coordinator's refusal comes to for the command. */
  refused({ code, message }: KafkaError): Error {
    return refusal(code, `group '${this.groupId}'`, message);
  }

  #nodeFor(api: AnyApi, timeoutMs: number): Promise<number> | number {
    // To find the coordinator makes the topic of offsets; to look at groups, or to delete them, must not.
    return this.#isByDirectory && MAKES_NOTHING.has(api.name) ? ANY_NODE : this.#find(timeoutMs);
  }

  async #offered(node: number): Promise<ReadonlyMap<number, VersionRange>> {
    this.#versions ??= await this.#transport.versions(node);
    return this.#versions;
  }

  #connectionLost(): void {
    // The next broker may offer other versions. By directory it keeps the group, whoever it is.
    this.#versions = undefined;
    if (!this.#isByDirectory) this.#node = undefined;
  }

  async #find(timeoutMs: number): Promise<number> {
    if (this.#node !== undefined) return this.#node;
    const { groupId } = this;
    const deadline = new Deadline(this.#env.clock, timeoutMs);
    const answer = await callOnce(
      { env: this.#env, transport: this.#transport, deadline },
      ANY_NODE,
      FindCoordinator,
      (version) => ({
        key: version < MANY_KEYS_VERSION ? groupId : '',
        keyType: GROUP_KEY_TYPE,
        coordinatorKeys: version < MANY_KEYS_VERSION ? [] : [groupId],
      }),
    );
    const { errorCode, nodeId } = answer.coordinators[0] ?? answer;
    this.check(errorCode);
    this.#node = nodeId;
    return nodeId;
  }
}

function isRepeatable(name: ErrorName): boolean {
  return isCoordinatorTrouble(name) || name === 'UNSTABLE_OFFSET_COMMIT' || name === 'REQUEST_TIMED_OUT';
}

/**
 * Finding the broker of a directory, or becoming it: the loop around one look (DESIGN 5.1, 5.2).
 *
 *     the owner record names a socket, and who answers there is the broker of this cluster and epoch -> connected
 *     else one attempt to claim the place (cluster/claim.ts)                                         -> won
 *     else wait for what is in the way, saying so after NOTE_AFTER_MS, until the deadline
 *
 * Many may look at once, all having lost the same broker: whoever fails an attempt waits a random while, and the first one
 * that announces itself is found by the others.
 */
import { ClientError, ConnectionLost } from '../client/client-error.ts';
import { Connection } from '../client/connection.ts';
import { Deadline } from '../client/deadline.ts';
import type { BrokerSession } from '../cluster/broker-session.ts';
import { Claim, type ClaimOutcome } from '../cluster/claim.ts';
import { ensureCluster, readClusterId } from '../cluster/cluster-directory.ts';
import type { BrokerRegistration, Endpoint } from '../cluster/cluster-image.ts';
import { brokerFolder } from '../cluster/layout.ts';
import { MetadataLog } from '../cluster/metadata-log.ts';
import { type OwnerRecord, readOwnerRecord } from '../cluster/owner-record.ts';
import type { DiskWatch, Env } from '../kernel/env.ts';
import { DirectoryHandshake } from '../protocol/private/directory-handshake.ts';
import { isDenied, MayOnlyRead, mayNotMake, mayNotRead, whereAllowed, whereRoom } from './access.ts';
import { refuseNetworkFileSystem } from './file-system-check.ts';
import { loadOnce } from './load-once.ts';

/** Only a claim asks the files. */
export const loadLogDirectory = loadOnce(() => import('../log/log-directory.ts'));

/** The one broker that a directory has so far. */
export const BROKER_ID = 1;

/** How long one broker may take to answer before the next look. */
const ANSWER_WAIT_MS = 2000;
const NOTE_AFTER_MS = 2000;
/** From then on changes of the broker's folder wake the wait; before, its polls are quick enough. */
const WATCH_AFTER_MS = 500;
const PAUSE_MIN_MS = 15;
const PAUSE_MAX_MS = 150;

export interface FindOptions {
  readonly directory: string;
  /** The command by name, for those who wait for it. */
  readonly command: string;
  readonly clientId: string;
  /** How long to go on trying; 0 = for ever. */
  readonly timeoutMs: number;
  /** Whether a missing directory is made. */
  readonly createDirectory: boolean;
  /** Whether a network file system is no reason not to become the broker. */
  readonly allowNetworkFs?: boolean;
  /** Where the process already listens, to stand in its registration. */
  readonly endpoints: readonly Endpoint[];
  /** A line for people. */
  note(text: string): void;
}

/** What becomes of what a search meets. */
export interface FindEnds<T> {
  /** Owns the connection. undefined: go on looking. */
  connected(answering: Answering): T | Promise<T | undefined>;
  /** A live process is the broker and does not answer, or not yet; throws to end the search. */
  occupied?(registration: BrokerRegistration): void;
  /** This process is now the broker: starts it. Owns the session, also when it fails. */
  won(session: BrokerSession): Promise<T>;
}

/** What is in the way of a claim. */
type Obstacle = Exclude<ClaimOutcome, { kind: 'won' }>;

type LookOutcome<T> = Obstacle | { readonly kind: 'found'; readonly result: T };

interface Looker<T> {
  readonly clusterId: string;
  readonly deadline: Deadline;
  readonly ends: FindEnds<T>;
  claim: Claim | undefined;
}

/** A socket that answered as the broker of that record does. */
export interface Answering {
  readonly connection: Connection;
  readonly owner: OwnerRecord;
  /** Another connection to the same broker. Throws ConnectionLost and the system's errors where it does not answer any more. */
  connectAgain(): Promise<Connection>;
}

export class BrokerSearch {
  readonly #env: Env;
  readonly #options: FindOptions;
  /** Registrations that this process had and released: it need not ask whether it lives itself. */
  readonly #releasedEpochs = new Set<number>();
  #log: MetadataLog | undefined;
  #cancelled = false;
  #suspendedUntil: Promise<unknown> | undefined;
  /** The look that is under way, with what follows from it. */
  #look: Promise<unknown> | undefined;
  #wake: () => void = () => undefined;

  constructor(env: Env, options: FindOptions) {
    this.#env = env;
    this.#options = options;
  }

  /** The session is over: its place may be claimed again by this same process. */
  released(brokerEpoch: number): void {
    this.#releasedEpochs.add(brokerEpoch);
  }

  /** Makes `find` end with an error; what it may just have won is released. */
  cancel(): void {
    this.#cancelled = true;
    this.#wake();
  }

  /** Resolves once no look is under way; none begins before `until` has settled. */
  async suspend(until: Promise<unknown>): Promise<void> {
    this.#suspendedUntil = until;
    await Promise.allSettled([this.#look]);
  }

  /**
   * Throws ClientError `not-found` (no cluster there), `conflict` (the deadline passed while somebody was in the way) and
   * `authorization` (MayOnlyRead where the place may not be taken), NoRoomToWrite, ClusterError, and the system's errors.
   */
  async find<T>(ends: FindEnds<T>): Promise<T> {
    const startMs = this.#env.clock.monotonicMs();
    const deadline = new Deadline(this.#env.clock, this.#options.timeoutMs);
    const clusterId = await this.#clusterId();
    let watch: DiskWatch | undefined;
    let noted = false;
    let pauseMs = PAUSE_MIN_MS;
    const looker: Looker<T> = { clusterId, deadline, ends, claim: undefined };
    try {
      for (;;) {
        const outcome = await this.#lookOnce(looker);
        if (outcome.kind === 'found') {
          return outcome.result;
        }
        const waitedMs = this.#env.clock.monotonicMs() - startMs;
        this.#checkDeadline(outcome, deadline);
        if (!noted && waitedMs >= NOTE_AFTER_MS) {
          noted = true;
          this.#options.note(`waiting for ${this.#describe(outcome)}`);
        }
        if (waitedMs >= WATCH_AFTER_MS) {
          watch ??= this.#env.disk.watch(brokerFolder(this.#options.directory, BROKER_ID), () => this.#wake());
        }
        const wantedMs = outcome.kind === 'waiting' ? Math.min(outcome.retryMs, pauseMs) : pauseMs;
        await this.#pause(wantedMs, deadline);
        pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 1.5);
      }
    } finally {
      await watch?.close();
    }
  }

  async #lookOnce<T>(looker: Looker<T>): Promise<LookOutcome<T>> {
    while (this.#suspendedUntil !== undefined) {
      const until = this.#suspendedUntil;
      await Promise.allSettled([until]);
      this.#suspendedUntil = this.#suspendedUntil === until ? undefined : this.#suspendedUntil;
    }
    const look = this.#lookNow(looker);
    this.#look = look;
    return await look;
  }

  async #lookNow<T>(looker: Looker<T>): Promise<LookOutcome<T>> {
    const { clusterId, deadline, ends } = looker;
    const { directory, command, clientId } = this.#options;
    const mayOnlyRead = (cause: Error): Error => new MayOnlyRead(directory, command, cause);
    const answering = await whereAllowed(
      () => answeringOwner(this.#env, { directory, clusterId, clientId, deadline }),
      mayOnlyRead,
    );
    const result = answering && (await ends.connected(answering));
    if (result !== undefined) {
      return { kind: 'found', result };
    }
    const claim = async (): Promise<ClaimOutcome> => {
      looker.claim ??= await this.#claim(clusterId);
      return await looker.claim.attempt();
    };
    const outcome = await whereAllowed(() => whereRoom(claim, directory, command), mayOnlyRead);
    if (outcome.kind === 'occupied') {
      ends.occupied?.(outcome.registration);
    }
    if (outcome.kind !== 'won') {
      return outcome;
    }
    if (this.#cancelled) {
      await outcome.session.release();
      throw new ClientError('unreachable', 'the command was ended');
    }
    return { kind: 'found', result: await ends.won(outcome.session) };
  }

  async #clusterId(): Promise<string> {
    const { directory } = this.#options;
    const clusterId = await whereAllowed(() => readClusterId(this.#env, directory), mayNotRead(directory));
    if (clusterId !== undefined) {
      return clusterId;
    }
    if (!this.#options.createDirectory) {
      throw new ClientError('not-found', `there is no cluster in ${directory}; 'streamctl topics create' makes one`);
    }
    await refuseNetworkFileSystem(this.#env, directory, this.#options.allowNetworkFs === true);
    return await makeCluster(this.#env, directory);
  }

  async #claim(clusterId: string): Promise<Claim> {
    const { directory, command, endpoints } = this.#options;
    await refuseNetworkFileSystem(this.#env, directory, this.#options.allowNetworkFs === true);
    this.#log ??= await MetadataLog.open(this.#env, directory, clusterId);
    const lastCloseWasClean = async (brokerDirectory: string, previousBrokerEpoch: number): Promise<boolean> =>
      (await loadLogDirectory()).lastCloseWasClean(this.#env, brokerDirectory, previousBrokerEpoch);
    const options = { directory, brokerId: BROKER_ID, command, endpoints, lastCloseWasClean };
    return new Claim(this.#env, this.#log, options, this.#releasedEpochs);
  }

  #checkDeadline(outcome: Obstacle, deadline: Deadline): void {
    const { timeoutMs } = this.#options;
    if (this.#cancelled) {
      throw new ClientError('unreachable', 'the command was ended');
    }
    if (deadline.passed) {
      throw new ClientError('conflict', `gave up after ${timeoutMs} ms waiting for ${this.#describe(outcome)}`);
    }
  }

  #describe(outcome: Obstacle): string {
    const { directory } = this.#options;
    const { registration } = outcome;
    if (registration === undefined) {
      return `another command that is becoming the broker of ${directory}`;
    }
    if (outcome.kind === 'waiting' && outcome.why === 'stranger') {
      return (
        `the broker of ${directory} on host ${registration.process.hostId} (process ${registration.process.pid}), ` +
        'which cannot be asked from here, to be silent for long enough'
      );
    }
    return describeProcess(this.#env, registration, directory);
  }

  async #pause(delayMs: number, deadline: Deadline): Promise<void> {
    const jitteredMs = delayMs * (0.5 + this.#env.random.fraction());
    await new Promise<void>((resolve) => {
      const timer = this.#env.clock.timer(Math.min(jitteredMs, deadline.remainingMs()), resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/** As `ensureCluster`. Throws ClientError `authorization` where this user may not make one. */
export function makeCluster(env: Env, directory: string): Promise<string> {
  return whereAllowed(() => ensureCluster(env, directory), mayNotMake(directory));
}

/** `process 4711 (produce, stopped), the broker of DIR`. */
export function describeProcess(env: Env, registration: BrokerRegistration | OwnerRecord, directory: string): string {
  const state = env.proc.describeState(registration.process);
  const what = state === undefined ? registration.command : `${registration.command}, ${state}`;
  return `process ${registration.process.pid} (${what}), the broker of ${directory}`;
}

interface Asked {
  readonly directory: string;
  readonly clusterId: string;
  readonly clientId: string;
  readonly deadline: Deadline;
}

/**
 * Connects to who announced itself in the owner record, if it answers as the broker of that cluster and broker epoch; undefined
 * when nobody did or it does not answer in time. Throws EACCES where the record or the socket is another user's.
 */
async function answeringOwner(env: Env, asked: Asked): Promise<Answering | undefined> {
  const { directory, clusterId, clientId, deadline } = asked;
  const owner = await readOwnerRecord(env, directory, BROKER_ID);
  if (owner?.socket === undefined || owner.released || env.proc.judge(owner.process) === 'dead') {
    return undefined;
  }
  const announced = { path: owner.socket, clusterId, brokerEpoch: BigInt(owner.brokerEpoch), clientId };
  const waitMs = (): number => Math.max(1, Math.min(ANSWER_WAIT_MS, deadline.remainingMs()));
  try {
    const connection = await connectTo(env, announced, waitMs);
    return { connection, owner, connectAgain: () => connectTo(env, announced, () => ANSWER_WAIT_MS) };
  } catch (error) {
    if (isDenied(error)) {
      throw error;
    }
    env.log.debug(`no broker at ${owner.socket}: ${String(error)}`);
    return undefined;
  }
}

interface Announced {
  readonly path: string;
  readonly clusterId: string;
  readonly brokerEpoch: bigint;
  readonly clientId: string;
}

/** Throws ConnectionLost when who answers there is not the one that was announced. */
async function connectTo(
  env: Env,
  { path, clusterId, brokerEpoch, clientId }: Announced,
  waitMs: () => number,
): Promise<Connection> {
  const connection = await Connection.open(env, { path }, { clientId, connectTimeoutMs: waitMs() });
  try {
    const reply = await connection.request(DirectoryHandshake, 0, {}, waitMs());
    reply.release();
    if (reply.message.clusterId === clusterId && reply.message.brokerEpoch === brokerEpoch) {
      return connection;
    }
    throw new ConnectionLost(`another broker answers at ${path}`);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

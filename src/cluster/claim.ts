/**
 * Becoming the broker of a directory: one attempt at a time, each ending in won, occupied or waiting.
 *
 *     read the log -> judge the newest registration -> take the lock -> judge again -> append the registration
 *
 * Only the append decides. Whatever happens between two steps, another claimer that got through them first has put its
 * registration at the number that this one wants, and the failed link() sends this one back to judging:
 *   - two see the same owner dead and both break its lock: both go on to append, one wins;
 *   - a claimer sleeps after judging and wakes when the place has changed hands: its number is taken;
 *   - a claimer dies with the lock and without a registration: the lock is an orphan, broken after ORPHAN_QUIET_MS;
 *   - the owner dies between registration and owner record: the facts are in its entry, so it is judged dead at once.
 * What holds for the files at the judgement (closed cleanly or not) still holds at the append: only a registered broker
 * touches them, and one that could be registered in between would have taken the number.
 */
import type { Env } from '../kernel/env.ts';
import { BrokerSession } from './broker-session.ts';
import { ClusterError } from './cluster-error.ts';
import type { BrokerRegistration, ClusterImage, Endpoint } from './cluster-image.ts';
import { NO_CONTROLLER } from './cluster-image.ts';
import { type BrokerRegistered, entryHead } from './entries.ts';
import { aliveLock, brokerFolder, brokerLogFolder, brokersFolder, controllerLock, entryFolder } from './layout.ts';
import { LockWatch } from './lock-watch.ts';
import { hadLogs, lostEntries, lostFolder } from './lost-folder.ts';
import type { MetadataLog } from './metadata-log.ts';
import { judgeOwner, type OwnerState } from './owner-judgement.ts';
import { isSameProcess, type OwnerRecord, readOwnerRecord } from './owner-record.ts';
import { PlaceLock } from './place-lock.ts';
import { withReserve } from './reserve.ts';

/** A named successor that did not come within this time has lost its right. */
export const SUCCESSOR_WAIT_MS = 2000;

/** A lock of nobody who is registered: of a claimer that died, or that is so slow that it will only lose a race. */
const ORPHAN_QUIET_MS = 1000;

/** Before a dead owner's lock is broken it is looked at twice, so that not every claimer breaks the lock of the first. */
const DEAD_QUIET_MS = 15;
const DEAD_JITTER_MS = 30;

export interface ClaimOptions {
  readonly directory: string;
  readonly brokerId: number;
  /** The command by name. */
  readonly command: string;
  readonly endpoints: readonly Endpoint[];
  /** Whether the broker's files were closed by their last owner, the registration of `previousBrokerEpoch`; reads only. */
  readonly lastCloseWasClean: (brokerDirectory: string, previousBrokerEpoch: number) => Promise<boolean>;
}

export type ClaimOutcome =
  | { readonly kind: 'won'; readonly session: BrokerSession }
  /** Somebody is the broker; `owner` is its record once it has announced itself. */
  | {
      readonly kind: 'occupied';
      readonly registration: BrokerRegistration;
      readonly owner: OwnerRecord | undefined;
    }
  /** Nobody is, but not yet: try again after `retryMs`, or when the directory changes. */
  | {
      readonly kind: 'waiting';
      readonly why: 'claimer' | 'successor' | 'stranger';
      readonly registration: BrokerRegistration | undefined;
      readonly retryMs: number;
    };

interface Judged {
  readonly registration: BrokerRegistration | undefined;
  readonly owner: OwnerRecord | undefined;
  readonly state: OwnerState;
}

export class Claim {
  readonly #env: Env;
  readonly #log: MetadataLog;
  readonly #options: ClaimOptions;
  readonly #watch: LockWatch;
  readonly #deadQuietMs: number;
  readonly #releasedEpochs: ReadonlySet<number>;
  /** The registration of unknown life whose lock was seen to stand still for long enough. */
  #stillEpoch: number | undefined;
  #successorSeen: { readonly brokerEpoch: number; readonly atMs: number } | undefined;

  /** `releasedEpochs`: registrations that this process itself had and released. */
  constructor(env: Env, log: MetadataLog, options: ClaimOptions, releasedEpochs: ReadonlySet<number> = new Set()) {
    this.#env = env;
    this.#log = log;
    this.#options = options;
    this.#releasedEpochs = releasedEpochs;
    this.#watch = new LockWatch(env, aliveLock(options.directory, options.brokerId));
    this.#deadQuietMs = DEAD_QUIET_MS + env.random.fraction() * DEAD_JITTER_MS;
  }

  /** Throws ClusterError and the system's errors; a lost race is not one. */
  async attempt(): Promise<ClaimOutcome> {
    const judged = await this.#judge(await this.#log.catchUp());
    const { registration, owner, state } = judged;
    if (state.kind === 'alive' && registration !== undefined) {
      return { kind: 'occupied', registration, owner };
    }
    const stillMs = await this.#watch.stillMs(String(registration?.brokerEpoch));
    const waiting = this.#mustWait(judged, stillMs);
    if (waiting !== undefined) {
      return waiting;
    }
    this.#stillEpoch = state.kind === 'unknown' ? registration?.brokerEpoch : undefined;
    if (!(await this.#prepareFolders(owner))) {
      return { kind: 'waiting', why: 'claimer', registration, retryMs: 25 };
    }
    const lock = await this.#takeLock(state, stillMs);
    if (lock === undefined) {
      const retryMs = state.kind === 'dead' ? this.#deadQuietMs : 25;
      return { kind: 'waiting', why: 'claimer', registration, retryMs };
    }
    return await this.#register(lock);
  }

  /**
   * Names that must last before anything below them is promised: of the broker's folder, and of `cluster.json`. Whoever made
   * them may have died before it synced them, so every claimer does it, until a registration shows that one has. A folder that
   * is missing after that was taken away, with all records in it: topics that are only empty must not stand in for them.
   * False: somebody has registered meanwhile, and all is to be judged anew.
   */
  async #prepareFolders(owner: OwnerRecord | undefined): Promise<boolean> {
    const { directory, brokerId } = this.#options;
    const { disk } = this.#env;
    const { image } = this.#log;
    const lost = await lostFolder(this.#env, directory, brokerId, image, owner);
    if (lost !== undefined) throw folderMissing(lost);
    if (await lostEntries(this.#env, directory, brokerId, image)) {
      // The logs may be those of the first broker ever, which registered after the entries were read.
      if ((await this.#log.catchUp()).brokers.has(brokerId)) return false;
      throw entriesMissing(directory, brokerId);
    }
    const isNew = await disk.makeDirectory(brokerFolder(directory, brokerId));
    if (isNew || !image.brokers.has(brokerId)) {
      await disk.syncDirectory(brokersFolder(directory));
      await disk.syncDirectory(directory);
    }
    return true;
  }

  async #judge(image: ClusterImage): Promise<Judged> {
    const { directory, brokerId } = this.#options;
    const registration = image.brokers.get(brokerId);
    const owner = registration === undefined ? undefined : await readOwnerRecord(this.#env, directory, brokerId);
    return { registration, owner, state: this.#stateOf(registration, owner) };
  }

  #stateOf(registration: BrokerRegistration | undefined, owner: OwnerRecord | undefined): OwnerState {
    return judgeOwner({
      registration,
      owner,
      here: this.#env.proc.facts(),
      verdict: registration === undefined ? 'dead' : this.#env.proc.judge(registration.process),
      releasedHere: registration !== undefined && this.#releasedEpochs.has(registration.brokerEpoch),
    });
  }

  #mustWait({ registration, owner, state }: Judged, stillMs: number): ClaimOutcome | undefined {
    if (state.kind === 'unknown' && stillMs < state.quietMs) {
      return { kind: 'waiting', why: 'stranger', registration, retryMs: Math.min(250, state.quietMs - stillMs) };
    }
    const successor = owner?.successor;
    if (registration === undefined || successor === undefined || owner?.brokerEpoch !== registration.brokerEpoch) {
      return undefined;
    }
    const { proc, clock } = this.#env;
    if (isSameProcess(successor, proc.facts()) || proc.judge(successor) === 'dead') {
      return undefined;
    }
    if (this.#successorSeen?.brokerEpoch !== registration.brokerEpoch) {
      this.#successorSeen = { brokerEpoch: registration.brokerEpoch, atMs: clock.monotonicMs() };
    }
    const leftMs = this.#successorSeen.atMs + SUCCESSOR_WAIT_MS - clock.monotonicMs();
    return leftMs > 0 ? { kind: 'waiting', why: 'successor', registration, retryMs: Math.min(50, leftMs) } : undefined;
  }

  async #takeLock(state: OwnerState, stillMs: number): Promise<PlaceLock | undefined> {
    const path = aliveLock(this.#options.directory, this.#options.brokerId);
    const lock = await this.#acquire(path);
    const quietMs = state.kind === 'dead' ? this.#deadQuietMs : ORPHAN_QUIET_MS;
    if (lock !== undefined || (state.kind !== 'unknown' && stillMs < quietMs)) {
      return lock;
    }
    await this.#env.lock.breakDead(path);
    return await this.#acquire(path);
  }

  /** A lock is a folder: on a full disk it takes the reserve, as the entry that follows it would. */
  #acquire(path: string): Promise<PlaceLock | undefined> {
    return withReserve(this.#env, this.#options.directory, () => PlaceLock.acquire(this.#env, path));
  }

  async #register(lock: PlaceLock): Promise<ClaimOutcome> {
    const { directory, brokerId } = this.#options;
    const uuid = this.#env.random.uuid();
    let controller: PlaceLock | undefined;
    let occupied: ClaimOutcome | undefined;
    let clean = true;
    let previousBrokerEpoch: number | undefined;
    try {
      const image = await this.#log.append(async (current) => {
        const judged = await this.#judge(current);
        if (judged.registration?.incarnation === uuid) {
          return undefined;
        }
        occupied = this.#occupiedBy(judged);
        if (occupied !== undefined) {
          return undefined;
        }
        previousBrokerEpoch = judged.registration?.brokerEpoch;
        clean =
          judged.registration === undefined ||
          (await this.#options.lastCloseWasClean(brokerFolder(directory, brokerId), judged.registration.brokerEpoch));
        // Who wrote the newest entry may have died before it was durable, or failed to make it so: ours may not outlast it.
        if (judged.state.kind !== 'free' || judged.owner?.unsynced === true) await this.#log.renewNewest();
        const claims = this.#mayControl(current);
        if (claims) {
          controller ??= await this.#takeControllerLock();
        }
        const hasLogs = await this.#hasLogs(judged, current);
        this.#env.fault('cluster.before-registration');
        return this.#entry(current, uuid, { claims, clean, hasLogs });
      });
      const registration = image.brokers.get(brokerId);
      if (occupied === undefined && registration?.incarnation === uuid) {
        const parts = { directory, log: this.#log, registration, lastCloseWasClean: clean, previousBrokerEpoch };
        const session = new BrokerSession(this.#env, { ...parts, aliveLock: lock, controllerLock: controller });
        await this.#clearSocketPath(session);
        return { kind: 'won', session };
      }
      await controller?.release();
      await lock.release();
      return occupied ?? { kind: 'waiting', why: 'claimer', registration, retryMs: 25 };
    } catch (error) {
      await controller?.release();
      await lock.release();
      throw error;
    }
  }

  /** Its name is this registration's alone: whatever lies there is nobody's, and would keep this broker from listening. */
  async #clearSocketPath(session: BrokerSession): Promise<void> {
    await this.#env.disk
      .remove(session.socketPath)
      .catch((error: unknown) => this.#env.log.warn(`removing ${session.socketPath}: ${String(error)}`));
  }

  #occupiedBy({ registration, owner, state }: Judged): ClaimOutcome | undefined {
    if (registration === undefined || state.kind === 'free' || state.kind === 'dead') {
      return undefined;
    }
    // `unknown` stood still for long enough before the lock was taken, unless the registration is a newer one.
    if (state.kind === 'unknown' && this.#stillEpoch === registration.brokerEpoch) {
      return undefined;
    }
    return { kind: 'occupied', registration, owner };
  }

  /** Whether the broker has a log directory; nobody goes by one whose name a power cut may take back. */
  async #hasLogs({ owner }: Judged, image: ClusterImage): Promise<boolean> {
    const { directory, brokerId } = this.#options;
    const { disk } = this.#env;
    if ((await disk.stat(brokerLogFolder(directory, brokerId))) === undefined) return false;
    if (!hadLogs(image, brokerId, owner)) await disk.syncDirectory(brokerFolder(directory, brokerId));
    return true;
  }

  #entry(
    image: ClusterImage,
    uuid: string,
    facts: { readonly claims: boolean; readonly clean: boolean; readonly hasLogs: boolean },
  ): BrokerRegistered {
    const { brokerId, command, endpoints } = this.#options;
    const { claims, clean, hasLogs } = facts;
    return {
      ...entryHead(uuid, brokerId, image.lastNumber + 1),
      type: 'broker-registered',
      expects: { lastNumber: image.lastNumber },
      process: this.#env.proc.facts(),
      command,
      endpoints,
      ...(claims ? { claimsController: image.controllerEpoch + 1 } : {}),
      uncleanClose: !clean,
      ...(hasLogs ? { hasLogs: true } : {}),
    };
  }

  /** The controller's seat is free when nobody has it, when it was this broker id's, or when its broker is known to be dead. */
  #mayControl(image: ClusterImage): boolean {
    const { controllerId } = image;
    if (controllerId === NO_CONTROLLER || controllerId === this.#options.brokerId) {
      return true;
    }
    const registration = image.brokers.get(controllerId);
    return registration === undefined || this.#env.proc.judge(registration.process) === 'dead';
  }

  async #takeControllerLock(): Promise<PlaceLock | undefined> {
    const path = controllerLock(this.#options.directory);
    const lock = await this.#acquire(path);
    if (lock !== undefined) {
      return lock;
    }
    await this.#env.lock.breakDead(path);
    return await this.#acquire(path);
  }
}

function folderMissing(folder: string): ClusterError {
  return new ClusterError(
    'damaged',
    `${folder} is missing, and with it the records of all topics; put it back, or make the folder to begin with empty topics`,
  );
}

function entriesMissing(directory: string, brokerId: number): ClusterError {
  const logs = brokerLogFolder(directory, brokerId);
  const text = `${entryFolder(directory)} knows no broker ${brokerId}, and ${logs} is there: entries are missing; put them back`;
  return new ClusterError('damaged', text);
}

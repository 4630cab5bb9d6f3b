/**
 * `consume` as a member of a group: what the group assigns is read, and committed as far as the output has accepted it (R11); each
 * way out commits and leaves (R15).
 *
 *     classic-member.ts | consumer-member.ts --assigned, revoked, lost--> group-consumer.ts --cursors--> consume-run.ts
 *     record-output.ts --marks of accepted text--> group-progress.ts --each second, at revocation, at the end--> commit
 */
import type { Env, Timer } from '../kernel/env.ts';
import { ConsumerGroupHeartbeat } from '../protocol/apis/68-consumer-group-heartbeat.ts';
import { KafkaError } from '../protocol/errors.ts';
import { ClassicMember } from './classic-member.ts';
import { ClientError, Unreachable } from './client-error.ts';
import { ConsumeRun } from './consume-run.ts';
import type { ConsumeOptions, ConsumeOutput, ConsumeSummary } from './consumer.ts';
import { ConsumerMember } from './consumer-member.ts';
import { CursorSet } from './cursor-set.ts';
import { Deadline, unlessPassed } from './deadline.ts';
import type { PartitionCursor } from './fetch-request.ts';
import { GroupCoordinator } from './group-coordinator.ts';
import type { CommitOutcome, GroupMember, MemberOptions, MembershipEvents } from './group-member.ts';
import { type GroupPartition, partitionKey } from './group-offsets.ts';
import { GroupPositions } from './group-positions.ts';
import { GroupProgress } from './group-progress.ts';
import { TopicLookUp } from './group-topics.ts';
import { PartitionDecoder } from './partition-decoder.ts';
import { RecordOutput } from './record-output.ts';
import type { Transport } from './transport.ts';

const COMMIT_INTERVAL_MS = 1_000;
/** How often a member without partitions looks whether the others have read all. */
const LOOK_INTERVAL_MS = 500;
/** How long an output may take to accept what was decoded before partitions are given up; less than the group waits. */
const REVOCATION_MS = 30_000;
/** How long it may take nothing of it: who does not read holds up the whole group. */
const STUCK_OUTPUT_MS = 3_000;
/** How long the way out may take when the user has said stop, and when the run fails. */
const HURRIED_LEAVE_MS = 5_000;

export type GroupProtocol = 'classic' | 'consumer';

export interface GroupOptions {
  readonly groupId: string;
  /** undefined: that of the group while it has members, else `consumer` where the broker offers it. */
  readonly protocol: GroupProtocol | undefined;
  /** Of a static member: it may be away for a session without losing its partitions. */
  readonly instanceId: string | undefined;
  /** Whether the target is a directory, whose broker keeps all its groups. */
  readonly isByDirectory: boolean;
  /** Called before the first request that makes this process a member. */
  readonly beforeJoin: () => void;
  /** Makes durable what the output has accepted; called before each commit. */
  readonly sync?: () => Promise<void>;
}

/** As `consume`. Throws `ClientError`, of kind `conflict` when what was written last could not be committed any more. */
export async function consumeInGroup(
  env: Env,
  transport: Transport,
  options: ConsumeOptions,
  group: GroupOptions,
  output: ConsumeOutput,
): Promise<ConsumeSummary> {
  const topics = new TopicLookUp(options.topics, env, transport, options.timeoutMs);
  await topics.refresh();
  const coordinator = new GroupCoordinator({ env, transport, ...group });
  const positions = new GroupPositions({ env, transport, coordinator, topics }, options);
  // Who has nothing to read need not join to find that out.
  if (options.exitAtEnd && group.protocol === undefined && (await positions.isAllRead())) {
    return { records: 0, bytes: 0, interrupted: options.signal?.aborted ?? false };
  }
  const { timeoutMs } = options;
  const member = { env, coordinator, topics, instanceId: group.instanceId ?? null, timeoutMs };
  group.beforeJoin();
  return await new GroupConsumer({ env, transport, output }, options, group, member, positions).run();
}

class GroupConsumer {
  readonly #env: Env;
  readonly #options: ConsumeOptions;
  readonly #group: GroupOptions;
  readonly #memberOptions: MemberOptions;
  readonly #positions: GroupPositions;
  readonly #output: RecordOutput;
  readonly #run: ConsumeRun;
  readonly #cursors = new CursorSet();
  readonly #progress = new GroupProgress();
  /** What is assigned, by `partitionKey`; without a cursor while it is found out where to begin. */
  readonly #assigned = new Map<string, { cursor: PartitionCursor | undefined }>();
  #openingCount = 0;
  #wasAssigned = false;
  #member: GroupMember | undefined;
  #mayChangeProtocol: boolean;
  #failure: { readonly error: unknown } | undefined;
  #areOthersDone = false;
  #commitTimer: Timer | undefined;
  #lookTimer: Timer | undefined;
  /** One commit at a time. */
  #committing: Promise<CommitOutcome> = Promise.resolve('done');
  #isOver = false;

  constructor(
    { env, transport, output }: { readonly env: Env; readonly transport: Transport; readonly output: ConsumeOutput },
    options: ConsumeOptions,
    group: GroupOptions,
    memberOptions: MemberOptions,
    positions: GroupPositions,
  ) {
    this.#env = env;
    this.#options = options;
    this.#group = group;
    this.#memberOptions = memberOptions;
    this.#positions = positions;
    this.#mayChangeProtocol = group.protocol === undefined;
    this.#output = new RecordOutput(output);
    this.#output.onAccepted((marks) => this.#progress.accepted(marks));
    const decoder = new PartitionDecoder(env, options, this.#output, true);
    const parts = { decoder, output: this.#output };
    this.#run = new ConsumeRun({ env, transport }, options, this.#cursors, parts, {
      isOver: () => this.#isAllRead(),
      connectionLost: () => this.#member?.nudge(),
    });
  }

  async run(): Promise<ConsumeSummary> {
    let interrupted = false;
    let isFailed = true;
    try {
      void this.#join();
      this.#scheduleCommit();
      interrupted = await this.#run.run();
      isFailed = false;
    } finally {
      this.#isOver = true;
      this.#commitTimer?.cancel();
      this.#lookTimer?.cancel();
      const leaving = this.#leave(isFailed || interrupted);
      // What the run ended with counts for more than a commit that failed after it.
      if (isFailed) await leaving.catch(() => undefined);
      else await leaving;
    }
    return { ...this.#output.written, interrupted };
  }

  async #join(): Promise<void> {
    try {
      const { coordinator, timeoutMs, env } = this.#memberOptions;
      const deadline = new Deadline(env.clock, timeoutMs);
      const isOffered = await coordinator.persistently(deadline, () =>
        coordinator.offers(ConsumerGroupHeartbeat, deadline.attemptMs()),
      );
      if (this.#isOver) return;
      this.#startMember(this.#group.protocol ?? (isOffered ? 'consumer' : 'classic'));
    } catch (error) {
      this.#fail(error);
    }
  }

  #startMember(protocol: GroupProtocol): void {
    const events: MembershipEvents = {
      assigned: (added) => void this.#take(added).catch((error: unknown) => this.#fail(error)),
      revoked: (partitions) => this.#giveUp(partitions).catch((error: unknown) => this.#fail(error)),
      lost: (partitions) => this.#drop(partitions),
      changed: () => this.#changed(),
      failed: (error) => this.#memberFailed(error, protocol),
    };
    const kind = protocol === 'consumer' ? ConsumerMember : ClassicMember;
    this.#member = new kind(this.#memberOptions, events);
    this.#member.start();
  }

  #memberFailed(error: unknown, protocol: GroupProtocol): void {
    if (!(error instanceof KafkaError)) {
      this.#fail(error);
      return;
    }
    if (!this.#mayChangeProtocol || this.#isOver) {
      this.#fail(this.#refusedAs(protocol, error));
      return;
    }
    this.#mayChangeProtocol = false;
    this.#startMember(protocol === 'consumer' ? 'classic' : 'consumer');
  }

  /** `conflict` for a group whose members have agreed on the other protocol. */
  #refusedAs(protocol: GroupProtocol, error: KafkaError): Error {
    if (error.errorName === 'UNSUPPORTED_VERSION') return this.#memberOptions.coordinator.refused(error);
    const what = `group '${this.#group.groupId}' has members that are not of the ${protocol} protocol`;
    return new ClientError('conflict', `${what} (${error.errorName})`, { cause: error });
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#run.wake();
  }

  #changed(): void {
    this.#look();
    this.#run.wake();
  }

  async #take(added: readonly GroupPartition[]): Promise<void> {
    const entries = new Map(
      added.map((partition) => [partitionKey(partition), { cursor: undefined as PartitionCursor | undefined }]),
    );
    for (const [key, entry] of entries) this.#assigned.set(key, entry);
    this.#openingCount++;
    try {
      const opened = await this.#positions.open(added);
      for (const { cursor, committed } of opened) {
        const key = partitionKey(cursor);
        const entry = entries.get(key);
        // Given up meanwhile, or given up and come again.
        if (entry === undefined || this.#assigned.get(key) !== entry) continue;
        entry.cursor = cursor;
        if (!this.#progress.resume(cursor, committed)) this.#progress.begin(cursor, committed);
        this.#cursors.add([cursor]);
      }
      this.#wasAssigned = true;
      this.#mayChangeProtocol = this.#group.protocol === undefined;
    } finally {
      this.#openingCount--;
      this.#changed();
    }
  }

  /** What is decoded is still written, but not waited for without end: who reads on repeats it then. */
  async #giveUp(partitions: readonly GroupPartition[]): Promise<void> {
    const cursors = this.#remove(partitions);
    this.#output.flush();
    const { clock } = this.#env;
    await this.#outputCaughtUp();
    const deadline = new Deadline(clock, COMMIT_INTERVAL_MS);
    while (!this.#isOver && (await this.#commit(cursors)) === 'again' && !deadline.passed) await clock.sleep(50);
    // On the way out the last commit is still to come.
    if (!this.#isOver) this.#progress.pause(cursors);
  }

  async #outputCaughtUp(): Promise<void> {
    const { clock } = this.#env;
    const untilMs = clock.monotonicMs() + REVOCATION_MS;
    let isCaughtUp = false;
    const caughtUp = this.#output.caughtUp().then(() => {
      isCaughtUp = true;
    });
    for (let before = -1; !isCaughtUp && clock.monotonicMs() < untilMs; ) {
      const { bytes } = this.#output.written;
      if (bytes === before) return;
      before = bytes;
      let timer: Timer | undefined;
      const limit = new Promise<void>((resolve) => {
        timer = clock.timer(STUCK_OUTPUT_MS, resolve);
      });
      await Promise.race([caughtUp, limit]);
      timer?.cancel();
    }
  }

  #drop(partitions: readonly GroupPartition[]): void {
    this.#progress.end(this.#remove(partitions));
    this.#run.wake();
  }

  #remove(partitions: readonly GroupPartition[]): PartitionCursor[] {
    const cursors: PartitionCursor[] = [];
    for (const partition of partitions) {
      const key = partitionKey(partition);
      const cursor = this.#assigned.get(key)?.cursor;
      if (cursor !== undefined) cursors.push(cursor);
      this.#assigned.delete(key);
    }
    this.#cursors.remove(cursors);
    return cursors;
  }

  #scheduleCommit(): void {
    this.#commitTimer = this.#env.clock.timer(COMMIT_INTERVAL_MS, () => {
      this.#commit()
        .catch((error: unknown) => this.#fail(error))
        .finally(() => {
          if (!this.#isOver) this.#scheduleCommit();
        });
    });
  }

  /** One attempt, behind the one that is under way; a newer offset takes the place of one that was lost. */
  #commit(cursors?: readonly PartitionCursor[]): Promise<CommitOutcome> {
    const attempt = async (): Promise<CommitOutcome> => {
      const due = this.#progress.due(cursors);
      if (due.length === 0 || this.#member === undefined) return 'done';
      await this.#group.sync?.();
      const outcome = await this.#member.commit(due);
      if (outcome === 'done') this.#progress.committed(due);
      return outcome;
    };
    this.#committing = this.#committing.then(attempt, attempt);
    return this.#committing;
  }

  /** Throws what the run is to end with. */
  #isAllRead(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!this.#isWaitingForEnd()) return false;
    return this.#cursors.size > 0 ? this.#cursors.areAtEnd : this.#areOthersDone;
  }

  #isWaitingForEnd(): boolean {
    const isSettled = this.#member?.isSettled === true && this.#wasAssigned && this.#openingCount === 0;
    return this.#positions.isBounded && isSettled;
  }

  /** A member without partitions may go when the others have read all, and waits as long as they come nearer to it (R16). */
  #look(): void {
    if (this.#lookTimer !== undefined || this.#isOver || !this.#isIdle()) return;
    const { clock } = this.#env;
    const { timeoutMs } = this.#options;
    let leastLeft = Infinity;
    let sinceMs = clock.monotonicMs();
    const look = async (): Promise<void> => {
      const left = await this.#positions.recordsLeft();
      this.#lookTimer = undefined;
      if (this.#isOver || !this.#isIdle()) return;
      const nowMs = clock.monotonicMs();
      if (left < leastLeft) {
        leastLeft = left;
        sinceMs = nowMs;
      }
      if (left === 0) {
        this.#areOthersDone = true;
        this.#run.wake();
      } else if (timeoutMs !== 0 && nowMs - sinceMs >= timeoutMs) {
        const who = `group '${this.#group.groupId}'`;
        this.#fail(new Unreachable(`${who}: other members have all partitions, and none of them went on`));
      } else this.#lookTimer = clock.timer(LOOK_INTERVAL_MS, run);
    };
    const run = (): void => void look().catch((error: unknown) => this.#fail(error));
    this.#lookTimer = clock.timer(0, run);
  }

  #isIdle(): boolean {
    return this.#isWaitingForEnd() && this.#cursors.size === 0;
  }

  async #leave(isHurried: boolean): Promise<void> {
    const { timeoutMs } = this.#options;
    const limitMs = isHurried ? HURRIED_LEAVE_MS : timeoutMs;
    const deadline = new Deadline(this.#env.clock, limitMs);
    let due = this.#progress.due();
    const goodbye = async (): Promise<CommitOutcome> => {
      await this.#committing.catch(() => 'again');
      if (this.#member === undefined) return 'done';
      due = this.#progress.due();
      if (due.length > 0) await this.#group.sync?.();
      return await this.#member.leave(due, deadline);
    };
    // One attempt may take longer than is left.
    const outcome = await unlessPassed(this.#env.clock, deadline, goodbye(), 'again');
    if (outcome === 'done' || due.length === 0) return;
    const what = `group '${this.#group.groupId}': the last records that were written are not committed`;
    if (outcome === 'refused')
      throw new ClientError('conflict', `${what}: their partitions have gone to another member`);
    throw new Unreachable(`${what}: nobody answered`);
  }
}

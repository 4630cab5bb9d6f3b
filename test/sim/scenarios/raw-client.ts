/**
 * What raw members of both protocols do alike: they commit offsets that are all different, so that each answer tells which commit it
 * shows, ask for them, and try again whatever happens to the broker.
 */
import { type ErrorName, errorCode } from '../../../src/protocol/errors.ts';
import type { SimProgram } from '../sim-machine.ts';
import { isUnanswered } from './admin.ts';
import type { CommitRegister } from './commit-register.ts';
import type { MembershipRegister } from './membership-register.ts';
import type { RawGroup, RawIdentity } from './raw-group.ts';

/** After these a commit is not in the log and never will be. */
const REFUSALS: readonly ErrorName[] = [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'GROUP_ID_NOT_FOUND',
  'FENCED_INSTANCE_ID',
  'STALE_MEMBER_EPOCH',
];
const REFUSED: ReadonlySet<number> = new Set(REFUSALS.map(errorCode));
const PAUSE_MS = 100;

export interface RawMemberPlan {
  readonly groupId: string;
  readonly partitions: number;
  /** `simple`: it commits without being a member. */
  readonly kind: 'simple' | 'classic' | 'consumer';
  /** Of a static member. */
  readonly instanceId: string | null;
  /** How it goes: a classic member says nothing where it goes for a while. */
  readonly leaves: 'for good' | 'for a while';
  readonly roundCount: number;
  readonly restMs: number;
  /** It gives up after so long; 0 = never. */
  readonly timeoutMs: number;
}

export interface RawMemberEvents {
  /** For each answer without an error. */
  answered(): void;
  /** The coordinator does not know it any more, and nobody took its place. */
  fenced(): void;
  /** Whether what it is shown may be of a log that nobody can write to. */
  isExcused(pid: number): boolean;
}

export interface RawRegisters {
  readonly commits: CommitRegister;
  readonly memberships: MembershipRegister;
}

export class RawClient {
  readonly group: RawGroup;
  readonly plan: RawMemberPlan;
  readonly events: RawMemberEvents;
  readonly memberships: MembershipRegister;
  readonly #program: SimProgram;
  readonly #commits: CommitRegister;
  #roundsLeft: number;
  #isStopped = false;
  #hasGivenUp = false;

  constructor(
    group: RawGroup,
    program: SimProgram,
    { commits, memberships }: RawRegisters,
    plan: RawMemberPlan,
    events: RawMemberEvents,
  ) {
    this.group = group;
    this.memberships = memberships;
    this.plan = plan;
    this.events = events;
    this.#program = program;
    this.#commits = commits;
    this.#roundsLeft = plan.roundCount;
    const { clock, proc } = program.env;
    proc.onSignal('SIGTERM', () => this.stop());
    if (plan.timeoutMs === 0) return;
    clock.timer(plan.timeoutMs, () => {
      this.#hasGivenUp = true;
      this.stop();
    });
  }

  stop(): void {
    this.#isStopped = true;
  }

  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  get isOver(): boolean {
    return this.#isStopped || this.#roundsLeft <= 0;
  }

  get name(): string {
    return `${this.#program.process.name}/${this.#program.process.pid}`;
  }

  get isJudged(): boolean {
    const { process } = this.#program;
    return !process.isDead && !this.events.isExcused(process.pid);
  }

  newId(): string {
    return this.#program.env.random.uuid();
  }

  hits(probability: number): boolean {
    return this.#program.env.random.fraction() < probability;
  }

  anyPartition(): number {
    return Math.floor(this.#program.env.random.fraction() * this.plan.partitions);
  }

  /** Until it is done, whatever happens to the broker. */
  async persistently(work: () => Promise<boolean>): Promise<void> {
    while (!this.isOver) {
      if (await this.attempt(work)) return;
      await this.#program.env.clock.sleep(PAUSE_MS);
    }
  }

  /** False too where nobody answered. */
  async attempt(work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      return false;
    }
  }

  /** To be called at the beginning of each round. */
  async beginRound(): Promise<void> {
    this.#roundsLeft--;
    if (this.hits(0.5)) await this.#fetch();
  }

  async rest(): Promise<void> {
    const { clock, random } = this.#program.env;
    await clock.sleep(random.fraction() * this.plan.restMs);
  }

  /** `mustFail`: why nobody may take it; undefined where it may be right. Answers the error code. */
  async commit(identity: RawIdentity, partition: number, mustFail?: string): Promise<number> {
    const commit = this.#commits.begin(`${this.plan.groupId}/${partition}`);
    const code = await this.group.commit(identity, partition, commit.value);
    if (this.#program.process.isDead) return code;
    if (code === 0) {
      this.#commits.end(commit, 'acked');
      this.events.answered();
      if (mustFail !== undefined) this.violate(`committed ${mustFail}`);
    } else if (REFUSED.has(code)) this.#commits.end(commit, 'refused');
    return code;
  }

  violate(text: string): void {
    this.#program.process.world.violate('I-24', `${this.name} ${text}`);
  }

  async #fetch(): Promise<void> {
    const { groupId, partitions } = this.plan;
    const sentAt = this.#commits.now();
    const offsets = await this.group.committed(partitions);
    if (offsets === undefined || !this.isJudged) return;
    this.events.answered();
    for (const [partition, offset] of offsets.entries()) {
      this.#commits.fetched(`${groupId}/${partition}`, offset, sentAt, this.name);
    }
  }
}

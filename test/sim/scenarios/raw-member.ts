/**
 * A member of a classic group without a core, that does what cores never do: commits with a generation that is over, and after it has
 * left. All offsets that are committed are different, so that each answer tells which commit it shows.
 */
import { type ErrorName, errorCode } from '../../../src/protocol/errors.ts';
import type { SimMachine, SimProgram } from '../sim-machine.ts';
import { isUnanswered, spawnClient } from './admin.ts';
import type { CommitRegister } from './commit-register.ts';
import { RawGroup, type RawIdentity } from './raw-group.ts';

/** After these a commit is not in the log and never will be. */
const REFUSALS: readonly ErrorName[] = [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'GROUP_ID_NOT_FOUND',
];
const REFUSED: ReadonlySet<number> = new Set(REFUSALS.map(errorCode));
const NOBODY: RawIdentity = { memberId: '', generation: -1 };
const PAUSE_MS = 100;

export interface RawMemberPlan {
  readonly groupId: string;
  readonly partitions: number;
  /** Whether it commits without being a member. */
  readonly isSimple: boolean;
  readonly roundCount: number;
  readonly restMs: number;
  /** It gives up after so long; 0 = never. */
  readonly timeoutMs: number;
}

export interface RawMemberEvents {
  /** For each answer without an error. */
  answered(): void;
  /** The coordinator does not know it any more. */
  fenced(): void;
  /** Whether what it is shown may be of a log that nobody can write to. */
  isExcused(pid: number): boolean;
}

export function startRawMember(
  machine: SimMachine,
  register: CommitRegister,
  name: string,
  plan: RawMemberPlan,
  events: RawMemberEvents,
): SimProgram {
  return spawnClient(machine, name, async (transport, program) => {
    const member = new RawMember(new RawGroup(transport, plan.groupId), program, register, plan, events);
    program.env.proc.onSignal('SIGTERM', () => member.stop());
    return (await member.run()) ? 0 : 1;
  });
}

class RawMember {
  readonly #group: RawGroup;
  readonly #program: SimProgram;
  readonly #register: CommitRegister;
  readonly #plan: RawMemberPlan;
  readonly #events: RawMemberEvents;
  #identity: RawIdentity = NOBODY;
  #roundsLeft: number;
  #isStopped = false;
  #hasGivenUp = false;

  constructor(
    group: RawGroup,
    program: SimProgram,
    register: CommitRegister,
    plan: RawMemberPlan,
    events: RawMemberEvents,
  ) {
    this.#group = group;
    this.#program = program;
    this.#register = register;
    this.#plan = plan;
    this.#events = events;
    this.#roundsLeft = plan.roundCount;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** False when it gave up. */
  async run(): Promise<boolean> {
    const { timeoutMs } = this.#plan;
    const { clock } = this.#program.env;
    if (timeoutMs > 0) {
      clock.timer(timeoutMs, () => {
        this.#hasGivenUp = true;
        this.stop();
      });
    }
    await this.#persistently(async () => (await this.#group.find()) === 0);
    const { isSimple, partitions } = this.#plan;
    if (isSimple) {
      const all = Array.from({ length: partitions }, (_, at) => at);
      await this.#persistently(() => this.#live(all));
      return !this.#hasGivenUp;
    }
    await this.#persistently(async () => {
      const own = await this.#join();
      return own !== undefined && (await this.#live(own));
    });
    await this.#leave();
    return !this.#hasGivenUp;
  }

  get #isOver(): boolean {
    return this.#isStopped || this.#roundsLeft <= 0;
  }

  get #name(): string {
    return `${this.#program.process.name}/${this.#program.process.pid}`;
  }

  get #isJudged(): boolean {
    const { process } = this.#program;
    return !process.isDead && !this.#events.isExcused(process.pid);
  }

  /** Until it is done, whatever happens to the broker. */
  async #persistently(work: () => Promise<boolean>): Promise<void> {
    while (!this.#isOver) {
      try {
        if (await work()) return;
      } catch (error) {
        if (!isUnanswered(error)) throw error;
      }
      await this.#program.env.clock.sleep(PAUSE_MS);
    }
  }

  /** The partitions that it gets; undefined: to be tried again. */
  async #join(): Promise<number[] | undefined> {
    const { groupId, partitions } = this.#plan;
    const known = this.#register.generationOf(groupId);
    const joined = await this.#group.join(this.#identity.memberId);
    if (joined.errorCode !== 0) {
      const isNamed = joined.errorCode === errorCode('MEMBER_ID_REQUIRED');
      this.#identity = { memberId: isNamed ? joined.memberId : '', generation: -1 };
      return undefined;
    }
    if (this.#isJudged) this.#register.joined(groupId, joined.generationId, known, this.#name);
    const { memberId, generationId: generation, leader, members } = joined;
    this.#identity = { memberId, generation };
    const isLeader = leader === memberId && !joined.skipAssignment;
    const plan = members.map((member, at) => ({
      memberId: member.memberId,
      assignment: Buffer.from(
        Array.from({ length: partitions }, (_, partition) => partition)
          .filter((partition) => partition % members.length === at)
          .join(','),
      ),
    }));
    const { errorCode: code, assignment } = await this.#group.sync(this.#identity, isLeader ? plan : []);
    if (code !== 0) {
      this.#refused(code);
      return undefined;
    }
    const own = Buffer.from(assignment).toString().split(',').filter(Boolean).map(Number);
    if (this.#isJudged) this.#register.assigned(groupId, generation, memberId, own);
    this.#events.answered();
    return own;
  }

  /** Heartbeats, commits and asks; false when it has to join again. */
  async #live(own: readonly number[]): Promise<boolean> {
    const { restMs, isSimple, partitions } = this.#plan;
    const { clock, random } = this.#program.env;
    while (!this.#isOver) {
      this.#roundsLeft--;
      if (random.fraction() < 0.5) await this.#fetch();
      if (!isSimple) {
        const code = await this.#group.heartbeat(this.#identity);
        if (code !== 0) return this.#refused(code);
      }
      for (const partition of own) {
        const code = await this.#commit(this.#identity, partition);
        if (code !== 0 && !isSimple) return this.#refused(code);
      }
      const { memberId, generation } = this.#identity;
      if (!isSimple && random.fraction() < 0.1) {
        const stale = generation > 0 ? { memberId, generation: generation - 1 } : { memberId: 'nobody', generation };
        await this.#commitMustFail(stale, Math.floor(random.fraction() * partitions), 'of an earlier generation');
      }
      await clock.sleep(random.fraction() * restMs);
    }
    return true;
  }

  #refused(code: number): false {
    if (code !== errorCode('UNKNOWN_MEMBER_ID')) return false;
    this.#identity = NOBODY;
    this.#events.fenced();
    return false;
  }

  async #commit(identity: RawIdentity, partition: number): Promise<number> {
    const { groupId } = this.#plan;
    const isOld = identity.generation < this.#register.generationOf(groupId) && !this.#plan.isSimple;
    const commit = this.#register.begin(`${groupId}/${partition}`);
    const code = await this.#group.commit(identity, partition, commit.value);
    if (this.#program.process.isDead) return code;
    if (code === 0) {
      this.#register.end(commit, 'acked');
      this.#events.answered();
      if (isOld) this.#violate(`committed with generation ${identity.generation}, which was over`);
    } else if (REFUSED.has(code)) this.#register.end(commit, 'refused');
    return code;
  }

  async #commitMustFail(identity: RawIdentity, partition: number, what: string): Promise<void> {
    if ((await this.#commit(identity, partition)) === 0) this.#violate(`committed as a member ${what}`);
  }

  #violate(text: string): void {
    this.#program.process.world.violate('I-24', `${this.#name} ${text}`);
  }

  async #fetch(): Promise<void> {
    const { groupId, partitions } = this.#plan;
    const sentAt = this.#register.now();
    const offsets = await this.#group.committed(partitions);
    if (offsets === undefined || !this.#isJudged) return;
    this.#events.answered();
    for (const [partition, offset] of offsets.entries()) {
      this.#register.fetched(`${groupId}/${partition}`, offset, sentAt, this.#name);
    }
  }

  async #leave(): Promise<void> {
    const identity = this.#identity;
    if (identity.memberId === '') return;
    try {
      if ((await this.#group.leave(identity.memberId)) !== 0 || identity.generation < 0) return;
      await this.#commitMustFail(identity, 0, 'that had left');
    } catch (error) {
      if (!isUnanswered(error)) throw error;
    }
  }
}

/** The raw members of a life of groups: of both protocols and of none, some of them static, and of one instance sometimes two. */
import type { Prng } from '../prng.ts';
import type { SeedRun } from '../seed-run.ts';
import type { SimProgram } from '../sim-machine.ts';
import { CommitRegister } from './commit-register.ts';
import { MembershipRegister } from './membership-register.ts';
import type { RawMemberPlan, RawRegisters } from './raw-client.ts';
import { startRawMember } from './raw-member.ts';

/** What is committed in each kind of group. */
const GROUP_OF = { simple: 'simple', classic: 'raw', consumer: 'raw-848' } as const;
const INSTANCES = ['one', 'two'] as const;
/** Of the members of a life without faults. */
const CALM_REST_MS = 800;

type Choice = Omit<RawMemberPlan, 'groupId' | 'partitions' | 'timeoutMs'>;

export class RawCrowd {
  /** How often a member was told that it is none any more. */
  fencedCount = 0;
  readonly #run: SeedRun;
  readonly #chance: Prng;
  readonly #partitions: number;
  readonly #isExcused: (pid: number) => boolean;
  readonly #registers: RawRegisters;
  readonly #programs: SimProgram[] = [];

  /** `isExcused`: whether a process may be shown what is not so any more. */
  constructor(run: SeedRun, chance: Prng, partitions: number, isExcused: (pid: number) => boolean) {
    this.#run = run;
    this.#chance = chance;
    this.#partitions = partitions;
    this.#isExcused = isExcused;
    this.#registers = { commits: new CommitRegister(run.world), memberships: new MembershipRegister(run.world) };
  }

  get alive(): SimProgram[] {
    return this.#programs.filter(({ process }) => !process.isDead);
  }

  /** The highest generation and epoch that members were shown. */
  get generations(): readonly number[] {
    const { memberships } = this.#registers;
    return [memberships.generationOf(GROUP_OF.classic), memberships.generationOf(GROUP_OF.consumer)];
  }

  anyChoice(): Choice {
    const kind = this.#chance.pick(['simple', 'classic', 'classic', 'consumer', 'consumer'] as const);
    const isStatic = kind !== 'simple' && this.#chance.hits(0.4);
    return {
      kind,
      instanceId: isStatic ? this.#chance.pick(INSTANCES) : null,
      leaves: this.#chance.hits(0.6) ? 'for a while' : 'for good',
      roundCount: this.#chance.between(3, 30),
      restMs: this.#chance.pick([100, 300, 800]),
    };
  }

  start(choice: Choice, name = `raw${this.#programs.length}`): SimProgram {
    const plan = { ...choice, groupId: GROUP_OF[choice.kind], partitions: this.#partitions, timeoutMs: 0 };
    const program = startRawMember(this.#run.machine, this.#registers, name, plan, {
      answered: this.#run.operation,
      fenced: () => this.fencedCount++,
      isExcused: this.#isExcused,
    });
    this.#programs.push(program);
    return program;
  }

  /** One that stays until it is told to go, and as a static member only for a while. */
  startCalm(kind: 'classic' | 'consumer', instanceId: string | null): SimProgram {
    const restMs = CALM_REST_MS;
    return this.start({ kind, instanceId, leaves: 'for a while', roundCount: Number.POSITIVE_INFINITY, restMs });
  }

  /** Asks some times for what is committed, and commits; one program for each group, which ends by itself. */
  *lastLooks(): Iterable<{ readonly groupId: string; readonly program: SimProgram }> {
    for (const groupId of Object.values(GROUP_OF)) {
      const plan = {
        groupId,
        partitions: this.#partitions,
        kind: 'simple',
        instanceId: null,
        leaves: 'for good',
      } as const;
      const paced = { ...plan, roundCount: 4, restMs: 20, timeoutMs: 0 };
      const events = { answered: this.#run.operation, fenced: () => undefined, isExcused: () => false };
      yield { groupId, program: startRawMember(this.#run.machine, this.#registers, 'last', paced, events) };
    }
  }
}

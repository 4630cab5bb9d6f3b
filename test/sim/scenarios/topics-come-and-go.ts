/**
 * Topics of a few names are made, written to, deleted and made again, while processes are killed and the power goes. In the
 * end each name holds what was acked since it was made last, and nothing from before.
 */
import { type FaultWeights, planFaults } from '../fault-plan.ts';
import { OwnerChecker } from '../owner-checker.ts';
import type { Prng } from '../prng.ts';
import type { Scenario, SeedRun } from '../seed-run.ts';
import type { SimProgram } from '../sim-machine.ts';
import { createTopic, DIRECTORY, deleteTopic, FollowerReader, follow, produce, serve } from './commands.ts';
import { Ledger } from './ledger.ts';

const FAULTS_MS = 8000;
const FAULTS_MS_MAX = 25_000;
const HEALED_MS = 120_000;
const OPERATIONS = 210;
const FAULTS = 11;
const NAMES = ['t', 'u', 'v'] as const;

const WEIGHTS: FaultWeights = {
  'kill broker': 4,
  'kill any': 2,
  'kill at point': 4,
  'kill at disk call': 5,
  'power cut at disk call': 4,
  'power cut': 1,
  'kill, then power cut': 2,
  'pause broker': 3,
  'terminate broker': 2,
  'break connections': 1,
  'slow syncs': 1,
  'clock jump': 1,
  'hand over': 1,
  'second start': 2,
};

/** What somebody knows of a topic that he alone makes, writes to and deletes. */
interface Life {
  readonly name: string;
  /** Producers whose topic was deleted after them, for certain. */
  readonly gone: string[];
  /** Producers of the topic that is there now, with how many lines were acked; the last may be under way. */
  current: string[];
  /** Whether a deletion was begun after which nothing is certain of `current`. */
  isUncertain: boolean;
}

export const topicsComeAndGo: Scenario = { name: 'topics-come-and-go', run: (run) => new TopicsLife(run).run() };

class TopicsLife {
  readonly #run: SeedRun;
  readonly #chance: Prng;
  readonly #ledger: Ledger;
  readonly #owner: OwnerChecker;
  readonly #lives: readonly Life[];
  #isHealed = false;

  constructor(run: SeedRun) {
    const { world, machine } = run;
    this.#run = run;
    this.#chance = world.chance.fork();
    this.#ledger = new Ledger(world);
    this.#owner = new OwnerChecker(machine, DIRECTORY);
    this.#lives = NAMES.map((name) => ({ name, gone: [], current: [], isUncertain: false }));
    machine.onDiskDone = (call, path, process) => this.#owner.check(call, path, process);
  }

  async run(): Promise<void> {
    const { world, machine, arm } = this.#run;
    const planned = planFaults(this.#chance.fork(), this.#chance.between(16, 22), 20, FAULTS_MS, WEIGHTS);
    const injector = arm(
      planned,
      () => this.#owner.process(),
      () => void serve(machine),
    );
    for (const life of this.#lives) this.#step(life);
    const isEnough = (): boolean => this.#run.operations() >= OPERATIONS && this.#run.faultsStruck() >= FAULTS;
    await world.run(() => world.nowMs >= FAULTS_MS && isEnough(), FAULTS_MS_MAX);
    injector.heal();
    this.#isHealed = true;
    await world.run(() => machine.alive().every(({ name }) => name === 'serve'), HEALED_MS);
    for (const process of machine.alive()) process.signal('SIGTERM');
    await world.run(() => machine.alive().length === 0, HEALED_MS);
    for (const { name, pid } of machine.alive()) world.violate('I-31', `${name}/${pid} did not end without faults`);
    for (const life of this.#lives) await this.#judge(life);
  }

  /** One command on the topic; the next one when it has ended. */
  #step(life: Life): void {
    if (this.#isHealed) return;
    const { world, operation } = this.#run;
    const draw = this.#chance.fraction();
    const act = draw < 0.3 ? this.#make(life) : draw < 0.75 ? this.#write(life) : this.#delete(life);
    act.process.onGone(() => {
      if (act.process.exitCode === 0) operation();
      world.after(this.#chance.fraction() * 250, () => this.#step(life));
    });
  }

  #make({ name }: Life): SimProgram {
    const configs = new Map([['segment.ms', String(this.#chance.pick([100, 604_800_000]))]]);
    return createTopic(this.#run.machine, this.#chance.between(1, 2), configs, name);
  }

  #write(life: Life): SimProgram {
    const { machine, operation } = this.#run;
    const name = `w${this.#ledger.producers.size}`;
    const lineCount = this.#chance.between(1, 12);
    const feeding = { lineCount, lineBytesMax: 60, burstCount: 4, gapMs: 30, timeoutMs: 8000, topic: life.name };
    const program = produce(machine, this.#ledger, name, 'directory', { ...feeding, createPartitions: 1 });
    life.current.push(name);
    program.process.onGone(() => {
      const story = this.#ledger.producers.get(name);
      for (let line = 0; line < (story?.ackedCount ?? 0); line++) operation();
    });
    return program;
  }

  #delete(life: Life): SimProgram {
    const program = deleteTopic(this.#run.machine, life.name);
    const before = life.current;
    life.current = [];
    life.isUncertain = true;
    program.process.onGone(() => {
      // Unanswered, it may have been done or not; a process that is gone does not do it later, so the next answer settles it.
      if (program.process.exitCode === 0) {
        life.gone.push(...before);
        life.isUncertain = false;
      } else life.current = [...before, ...life.current];
    });
    return program;
  }

  async #judge(life: Life): Promise<void> {
    const { world, machine } = this.#run;
    if (world.violations.length > 0) return;
    const reader = new FollowerReader(follow(machine, 'judge', 'directory', true, life.name), new Ledger(world));
    const { process, stdio } = reader.program;
    await world.run(() => process.isDead, HEALED_MS);
    const mustBeThere = !life.isUncertain && life.current.some((name) => this.#promised(name) > 0);
    if (process.exitCode !== 0 && !(process.exitCode === 5 && !mustBeThere)) {
      world.violate('I-31', `the consumer of ${life.name} ended with ${process.exitCode}: ${stdio.notes().join('; ')}`);
      return;
    }
    const there = new Map<string, Set<number>>();
    for (const { value } of reader.read()) {
      const [name = '', line = ''] = value.split(':');
      const lines = there.get(name) ?? new Set();
      if (lines.has(Number(line))) world.violate('I-5', `${life.name} holds line ${line} of ${name} twice`);
      there.set(name, lines.add(Number(line)));
    }
    for (const name of life.gone) {
      if (there.has(name)) world.violate('I-2', `${life.name} holds lines of ${name}, of a topic that was deleted`);
    }
    if (life.isUncertain) return;
    for (const name of life.current) {
      const lines = there.get(name) ?? new Set();
      for (let line = 0; line < this.#promised(name); line++) {
        if (lines.has(line)) continue;
        world.violate('I-1', `${life.name} lacks line ${line} of ${name}, which was acked`);
        break;
      }
    }
  }

  #promised(name: string): number {
    const story = this.#ledger.producers.get(name);
    return story === undefined ? 0 : story.isDone ? story.fedCount : story.ackedCount;
  }
}

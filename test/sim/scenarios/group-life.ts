/**
 * The life of groups: producers write, members of `consume --group` come and go, raw members commit and ask, while whoever is the
 * broker is killed, stopped, paused, and the machine loses its power. Static members are killed, and are back inside their session or
 * after it; of some there are two. Then, without faults, for some seconds nobody comes or goes but static members that are soon back,
 * and nobody may be fenced and nothing may come twice; in the end all that was written was put out by the group.
 */
import type { FaultWeights } from '../fault-plan.ts';
import type { OwnerChecker } from '../owner-checker.ts';
import type { Prng } from '../prng.ts';
import type { Scenario, SeedRun } from '../seed-run.ts';
import type { SimProgram } from '../sim-machine.ts';
import { alterConfig } from './admin.ts';
import { consumeInGroup, createTopic, FollowerReader, follow, produce, serve } from './commands.ts';
import { armLife, FAULT_WEIGHTS, FAULTS_MS_MAX, HEALED_MS, watchDisk } from './faults-of-life.ts';
import { GroupOutput } from './group-output.ts';
import { type ProbedGroup, probeGroup } from './group-prober.ts';
import { Ledger } from './ledger.ts';
import { RawCrowd } from './raw-crowd.ts';
import { SESSION_MS } from './raw-group.ts';

/** Longer than a session. */
const CALM_MS = 6500;
/** Whoever could not leave is missed after a session at most; what was his is then given to others with their next heartbeats. */
const SETTLING_MS = SESSION_MS + 3500;
const OFFSETS_TOPIC = '__consumer_offsets';
const LAST_LINES = 30;
/** What a command says that its signal’s grace has run out on. */
const LEFT_UNFINISHED = 'left unfinished';
const INSTANCES = ['one', 'two'] as const;
/** The static member of the time without faults. */
const CALM_INSTANCE = 'calm';
/** Of `consume --group` while all is calm, the one that came back included. */
const CALM_MEMBERS = 3;
/** Twice that, and the time since the last heartbeat, are less than a session. */
const AWAY_MS_MAX = 1500;
/** Within so long each member has sent a heartbeat. */
const BACK_MS = 2000;

export const groups: Scenario = { name: 'groups', run: (run) => new GroupLife(run).run() };

const WEIGHTS: FaultWeights = {
  ...FAULT_WEIGHTS,
  'kill any': 3,
  'kill, then power cut': 3,
  'pause any': 2,
  'suspend broker': 1,
  'break connections': 3,
  'hand over': 3,
};

/** A static member, and how to start it again. */
interface StaticMember {
  readonly program: SimProgram;
  readonly again: () => StaticMember;
}

class GroupLife {
  readonly #run: SeedRun;
  readonly #chance: Prng;
  readonly #ledger: Ledger;
  readonly #output: GroupOutput;
  readonly #probed: ProbedGroup;
  readonly #owner: OwnerChecker;
  readonly #partitions: number;
  readonly #isBadDisk: boolean;
  readonly #members: SimProgram[] = [];
  readonly #raw: RawCrowd;
  #statics: readonly StaticMember[] = [];
  readonly #producers: SimProgram[] = [];
  #server: SimProgram | undefined;
  #probe: SimProgram | undefined;
  #isHealed = false;
  #isExcused: (pid: number) => boolean = () => false;

  constructor(run: SeedRun) {
    const { world, machine } = run;
    this.#run = run;
    this.#chance = world.chance.fork();
    this.#ledger = new Ledger(world);
    this.#output = new GroupOutput(machine, this.#ledger);
    this.#owner = watchDisk(machine);
    this.#partitions = this.#chance.pick([1, 2, 3]);
    this.#isBadDisk = this.#chance.hits(0.4);
    this.#raw = new RawCrowd(run, this.#chance.fork(), this.#partitions, (pid) => this.#isExcused(pid));
    const protocol = this.#chance.pick(['classic', 'consumer'] as const);
    this.#probed = {
      groupId: 'g',
      protocol,
      partitions: this.#partitions,
      output: this.#output,
      groupEpoch: 0,
      assignmentEpoch: 0,
    };
  }

  async run(): Promise<void> {
    const { world } = this.#run;
    if (!(await this.#create())) return;
    const plan = { weights: WEIGHTS, isBadDisk: this.#isBadDisk };
    const { injector, isOver } = armLife(this.#run, this.#owner, this.#chance, plan);
    this.#isExcused = (pid) => injector.readOnlyPids.has(pid);
    this.#populate();
    await this.#watch(isOver, FAULTS_MS_MAX);
    injector.heal();
    this.#isHealed = true;
    if (world.violations.length === 0) await this.#allLeave();
    if (world.violations.length === 0) await this.#calm();
    if (world.violations.length === 0) await this.#ending();
  }

  async #create(): Promise<boolean> {
    const { world, machine } = this.#run;
    const configs = new Map([['segment.ms', String(this.#chance.between(300, 3000))]]);
    const { process } = createTopic(machine, this.#partitions, configs);
    await world.run(() => process.isDead, HEALED_MS);
    // So that the sweeps of a `serve` are seen too.
    const swift = alterConfig(machine, 'brokers', 'log.cleaner.backoff.ms', '300');
    await world.run(() => swift.process.isDead, HEALED_MS);
    return process.exitCode === 0;
  }

  /** Runs the world, and reads what the members put out as it comes. */
  async #watch(done: () => boolean, limitMs: number): Promise<boolean> {
    const ended = await this.#run.world.run(() => {
      this.#output.read();
      return done();
    }, limitMs);
    return ended === 'done' || ended === 'violated';
  }

  #populate(): void {
    const { world, machine, operation } = this.#run;
    if (this.#isHealed) return;
    const aliveCount = (programs: readonly (SimProgram | undefined)[]): number =>
      programs.filter((program) => program !== undefined && !program.process.isDead).length;
    if (aliveCount([this.#server]) === 0 && this.#chance.hits(0.25)) this.#server = serve(machine);
    if (aliveCount(this.#producers) < 1) this.#startProducer();
    if (aliveCount(this.#members) < 3) this.#startAnyMember();
    if (this.#raw.alive.length < 3) this.#startRaw();
    if (aliveCount([this.#probe]) === 0) this.#probe = probeGroup(machine, this.#probed, operation, this.#isExcused);
    if (this.#chance.hits(0.3)) this.#compactSoon();
    if (this.#chance.hits(0.15)) this.#someoneLeaves();
    if (this.#chance.hits(0.3)) this.#someoneIsAway();
    world.after(this.#chance.fraction() * 900, () => this.#populate());
  }

  #startProducer(lineCount = this.#chance.between(5, 60)): void {
    const feeding = {
      lineCount,
      lineBytesMax: this.#chance.pick([0, 20, 200]),
      burstCount: this.#chance.pick([1, 5]),
      gapMs: this.#chance.pick([30, 200]),
      timeoutMs: this.#isBadDisk ? 15_000 : 0,
    };
    const name = `produce${this.#producers.length}`;
    this.#producers.push(produce(this.#run.machine, this.#ledger, name, 'directory', feeding));
  }

  #startAnyMember(): void {
    const exitAtEnd = this.#chance.hits(0.3);
    if (this.#chance.hits(0.6)) this.#startMember(exitAtEnd);
    else this.#keepStatic(this.#staticMember(this.#chance.pick(INSTANCES), exitAtEnd));
  }

  #staticMember(instanceId: string, exitAtEnd: boolean): StaticMember {
    const program = this.#startMember(exitAtEnd, instanceId);
    return { program, again: () => this.#staticMember(instanceId, exitAtEnd) };
  }

  #keepStatic(member: StaticMember): void {
    this.#statics = [...this.#statics.filter(({ program }) => !program.process.isDead), member];
  }

  #startMember(exitAtEnd: boolean, instanceId?: string): SimProgram {
    const { groupId, protocol } = this.#probed;
    const hasPort = !this.#isHealed && this.#server?.process.isDead === false;
    const by = hasPort && this.#chance.hits(0.3) ? 'port' : 'directory';
    const membership = { groupId, protocol, instanceId, by, exitAtEnd, timeoutMs: 0 } as const;
    const program = consumeInGroup(this.#run.machine, `member${this.#members.length}`, membership);
    this.#members.push(program);
    this.#output.add(program);
    // Nobody reads what it prints, so that soon it can print no more, and then somebody does.
    if (!this.#isHealed && this.#chance.hits(0.25)) {
      program.stdio.leaveUnread(this.#chance.pick([0, 100, 1000, 5000]));
      this.#run.world.after(this.#chance.between(100, 4000), () => program.stdio.readAgain());
    }
    return program;
  }

  #startRaw(): void {
    const choice = this.#raw.anyChoice();
    const start = (): StaticMember => ({ program: this.#raw.start(choice), again: start });
    const member = start();
    if (choice.instanceId !== null) this.#keepStatic(member);
  }

  /** The topic of committed offsets is there only when a group is. */
  #compactSoon(): void {
    const { machine } = this.#run;
    const [name, value] = this.#chance.pick([
      ['segment.ms', '150'],
      ['min.cleanable.dirty.ratio', '0.01'],
      ['delete.retention.ms', '0'],
    ] as const);
    alterConfig(machine, 'topic', name, value, OFFSETS_TOPIC);
  }

  #someoneLeaves(): void {
    const alive = [...this.#members.filter(({ process }) => !process.isDead), ...this.#raw.alive];
    if (alive.length > 0) this.#chance.pick(alive).process.signal('SIGTERM');
  }

  /** A static member is killed, or goes, and comes back: mostly inside its session. */
  #someoneIsAway(): void {
    const alive = this.#statics.filter(({ program }) => !program.process.isDead);
    if (alive.length === 0) return;
    const { program, again } = this.#chance.pick(alive);
    if (this.#chance.hits(0.7)) program.process.kill('away');
    else program.process.signal('SIGTERM');
    const awayMs = this.#chance.hits(0.7)
      ? this.#chance.between(0, 4000)
      : this.#chance.between(SESSION_MS, SESSION_MS + 1500);
    this.#run.world.after(awayMs, () => {
      if (!this.#isHealed) this.#keepStatic(again());
    });
  }

  async #allLeave(): Promise<void> {
    const { world, machine } = this.#run;
    for (const { stdio } of this.#members) stdio.readAgain();
    const leaving = this.#members.filter(({ process }) => !process.isDead);
    for (const process of machine.alive()) process.signal('SIGTERM');
    if (await this.#watch(() => machine.alive().length === 0, HEALED_MS)) {
      // Also who lost its broker knows when to give up.
      const stuck = leaving.filter(({ stdio }) => stdio.notes().some((note) => note.includes(LEFT_UNFINISHED)));
      for (const { process } of stuck)
        world.violate('I-31', `${process.name}/${process.pid} had to be left unfinished`);
      return;
    }
    const names = machine.alive().map(({ name, pid }) => `${name}/${pid}`);
    world.violate('I-31', `${names.join(', ')} did not leave within ${HEALED_MS} ms without faults`);
  }

  /** Nobody comes or goes but who is soon back: nobody is fenced, nothing comes twice. */
  async #calm(): Promise<void> {
    const { world, machine } = this.#run;
    serve(machine);
    await this.#watch(() => false, 500);
    const member = this.#staticMember(CALM_INSTANCE, false);
    this.#startMember(false);
    const startRaw = (kind: 'classic' | 'consumer'): StaticMember => ({
      program: this.#raw.startCalm(kind, CALM_INSTANCE),
      again: () => startRaw(kind),
    });
    const [classic, consumer] = [startRaw('classic'), startRaw('consumer')];
    for (const kind of ['classic', 'consumer'] as const) this.#raw.startCalm(kind, null);
    await this.#watch(() => false, SETTLING_MS);
    const [fencedBefore, repeatsBefore] = [this.#raw.fencedCount, this.#output.repeats];
    this.#startProducer(LAST_LINES);
    const endMs = world.nowMs + CALM_MS;
    await this.#awayAndBack(classic, [member, consumer]);
    await this.#watch(() => world.nowMs >= endMs, CALM_MS);
    const fencedCount = this.#raw.fencedCount - fencedBefore;
    const repeats = this.#output.repeats - repeatsBefore;
    if (fencedCount > 0) world.violate('I-31', `${fencedCount} members were fenced without any fault`);
    if (repeats > 0) world.violate('I-25', `${repeats} records came again without a rebalance`);
    if (world.violations.length > 0) return;
    await this.#allLeave();
    for (const { process, stdio } of this.#members.slice(-CALM_MEMBERS)) {
      if (process.exitCode !== 143)
        world.violate('I-31', `${process.name} ended with ${process.exitCode}: ${stdio.notes()}`);
    }
  }

  /**
   * For the others nothing has happened: no new generation, no new epoch. By KIP-848 who is to be back at once says so, and nobody
   * takes his place while he is there; of a classic group's instance the newer counts, whether the older is gone or not.
   */
  async #awayAndBack(classic: StaticMember, told: readonly StaticMember[]): Promise<void> {
    const { world } = this.#run;
    const before = this.#raw.generations;
    const rival = this.#raw.startCalm('consumer', CALM_INSTANCE);
    await this.#watch(() => false, this.#chance.between(300, 1000));
    rival.process.signal('SIGTERM');
    await this.#watch(() => rival.process.isDead, AWAY_MS_MAX);
    if (this.#chance.hits(0.5)) classic.program.process.kill('away');
    for (const { program } of told) program.process.signal('SIGTERM');
    await this.#watch(() => told.every(({ program }) => program.process.isDead), AWAY_MS_MAX);
    await this.#watch(() => false, this.#chance.between(0, AWAY_MS_MAX));
    for (const { again } of [classic, ...told]) again();
    await this.#watch(() => false, BACK_MS);
    const after = this.#raw.generations;
    if (after.join() !== before.join()) {
      world.violate('I-31', `generations ${before} became ${after} for static members that were back at once`);
    }
    if (!classic.program.process.isDead) world.violate('I-24', 'who has lost its instance goes on as a member');
  }

  /** A member reads to the end: all was put out and is committed, as a coordinator that knows nothing but the log says. */
  async #ending(): Promise<void> {
    const { world, machine, operation } = this.#run;
    const last = this.#startMember(true);
    await this.#watch(() => last.process.isDead, HEALED_MS);
    if (last.process.exitCode !== 0) {
      world.violate('I-31', `the last member ended with ${last.process.exitCode}: ${last.stdio.notes().join('; ')}`);
    }
    const probe = probeGroup(machine, this.#probed, operation, () => false, true);
    await this.#watch(() => probe.process.isDead, HEALED_MS);
    const reader = new FollowerReader(follow(machine, 'judge', 'directory', true), this.#ledger);
    await this.#watch(() => reader.program.process.isDead, HEALED_MS);
    if (reader.program.process.exitCode !== 0) world.violate('I-31', 'the last consumer did not get the log');
    reader.read();
    for (let partition = 0; partition < this.#partitions; partition++) {
      const end = reader.nextOffset(partition);
      const putOut = this.#output.frontiers[partition] ?? 0;
      const committed = Math.max(0, this.#output.committed[partition] ?? 0);
      if (putOut !== end) world.violate('I-25', `partition ${partition}: ${putOut} of ${end} records were put out`);
      if (committed !== end) world.violate('I-23', `partition ${partition}: ${committed} is committed at ${end}`);
    }
    for (const { groupId, program } of this.#raw.lastLooks()) {
      await this.#watch(() => program.process.isDead, HEALED_MS);
      if (program.process.exitCode !== 0) world.violate('I-31', `the offsets of ${groupId} cannot be asked for`);
    }
  }
}

/**
 * The life of a directory: a topic is created, producers and followers come and go, all as commands on the directory, some
 * through a `serve` and its port; whoever is the broker is killed, stopped, paused, and the machine loses its power. In the
 * end, with all faults healed, everybody must come to an end, and the log must hold what was promised, in order, once.
 */
import { type FaultWeights, planFaults } from '../fault-plan.ts';
import { checkLogFiles } from '../log-files-checker.ts';
import type { OwnerChecker } from '../owner-checker.ts';
import type { Prng } from '../prng.ts';
import type { Scenario, SeedRun } from '../seed-run.ts';
import type { SimMachine, SimProgram } from '../sim-machine.ts';
import { createTopic, DIRECTORY, FollowerReader, follow, produce, serve, TOPIC } from './commands.ts';
import { armFaults, FAULTS_MS, HEALED_MS, watchDisk } from './faults-of-life.ts';
import { Ledger, type Seen } from './ledger.ts';
import { type Probed, probe } from './prober.ts';

/** Life goes on for so much longer at most, until enough has happened. */
const LONGER_MS = 12_000;
/** Readings of a log that nobody produces to any longer, until two agree. */
const READINGS_MAX = 5;
const OPERATIONS = 220;
const FAULTS = 10;

export const directoryLife: Scenario = {
  name: 'directory-life',
  run: (run) => new DirectoryLife(run, 'good').run(),
};

/** The same with twenty partitions. */
export const manyPartitions: Scenario = {
  name: 'many-partitions',
  run: (run) => new DirectoryLife(run, 'good', 20).run(),
};

/** The same on a disk that fails and runs full: commands may then give up, but what was acked stays acked. */
export const badDisk: Scenario = { name: 'bad-disk', run: (run) => new DirectoryLife(run, 'bad').run() };

const BAD_DISK: FaultWeights = {
  'sync errors': 6,
  'write errors': 3,
  'short writes': 5,
  'full disk': 8,
  'read only': 3,
  hang: 2,
};

class DirectoryLife {
  readonly #run: SeedRun;
  readonly #disk: 'good' | 'bad';
  readonly #chance: Prng;
  readonly #ledger: Ledger;
  readonly #owner: OwnerChecker;
  readonly #partitions: number;
  /** With another mode than `ack` a power cut may take what was acked, so there is none then. */
  readonly #durability: 'ack' | 'interval' | 'os';
  readonly #probed: Probed = { highWatermarks: [], logStarts: [], answers: 0 };
  readonly #producers: SimProgram[] = [];
  readonly #followers: FollowerReader[] = [];
  /** No `topics create`: all producers begin with --create, on a directory that is not there. */
  readonly #producersCreate: boolean;
  #server: SimProgram | undefined;
  /** Somebody came by the port, and cannot end without it. */
  #needsServer = false;
  #probe: SimProgram | undefined;
  #commandsLeft: number;

  constructor(run: SeedRun, disk: 'good' | 'bad', partitions?: number) {
    const { world, machine } = run;
    this.#run = run;
    this.#disk = disk;
    this.#chance = world.chance.fork();
    this.#ledger = new Ledger(world);
    this.#owner = watchDisk(machine);
    this.#partitions = partitions ?? this.#chance.pick([1, 1, 2, 3]);
    this.#durability = this.#chance.pick(['ack', 'ack', 'ack', 'ack', 'interval', 'os']);
    this.#producersCreate = this.#durability === 'ack' && this.#chance.hits(0.3);
    this.#commandsLeft = this.#chance.between(5, 10);
  }

  async run(): Promise<void> {
    const { world, machine } = this.#run;
    const injector = armFaults(this.#run, this.#owner, this.#planFaults());
    this.#readOnlyPids = injector.readOnlyPids;
    this.#probed.excusedPids = injector.readOnlyPids;
    if (!this.#producersCreate && !(await this.#create(machine, this.#topicConfigs()))) return;
    const faultsEndMs = world.nowMs + FAULTS_MS;
    this.#populate();
    await this.#watch(() => world.nowMs >= faultsEndMs && this.#isEnough(), FAULTS_MS + LONGER_MS);
    this.#isHealed = true;
    injector.heal();
    // A log that failed stays offline for as long as its broker lives (D12).
    if (this.#disk === 'bad') this.#owner.process()?.signal('SIGTERM');
    this.#keepServing();
    if (world.violations.length === 0) await this.#ending();
  }

  #isHealed = false;
  #readOnlyPids: ReadonlySet<number> = new Set();

  #isEnough(): boolean {
    return this.#ackedCount() >= OPERATIONS && this.#run.faultsStruck() >= FAULTS;
  }

  #ackedCount(): number {
    return [...this.#ledger.producers.values()].reduce((total, { ackedCount }) => total + ackedCount, 0);
  }

  /** Until it was done by one that lived to tell. */
  async #create(machine: SimMachine, configs: ReadonlyMap<string, string>): Promise<boolean> {
    const { world } = this.#run;
    for (let tries = 0; tries < 20; tries++) {
      const { process, stdio } = createTopic(machine, this.#partitions, configs);
      await world.run(() => process.isDead, HEALED_MS);
      if (process.exitCode === 0) return true;
      if (process.exitCode !== undefined && process.exitCode !== 143 && this.#disk === 'good') {
        world.violate('I-31', `create ended with ${process.exitCode}: ${stdio.notes().join('; ')}`);
      }
    }
    return false;
  }

  #topicConfigs(): ReadonlyMap<string, string> {
    const configs = new Map([['streamctl.durability', this.#durability as string]]);
    if (this.#chance.hits(0.5)) configs.set('segment.ms', String(this.#chance.between(200, 3000)));
    // So that a few batches make an index.
    if (this.#chance.hits(0.7)) configs.set('index.interval.bytes', String(this.#chance.pick([0, 300, 2000])));
    return configs;
  }

  #planFaults(): ReturnType<typeof planFaults> {
    const chance = this.#chance.fork();
    // Some fall on the making of the directory, of the topic and of its first files.
    const early = chance.hits(0.3)
      ? planFaults(chance, 2, 0, 12, { 'kill at disk call': 2, ...this.#powerCuts() })
      : [];
    const later = planFaults(chance, chance.between(15, 21), 20, FAULTS_MS, {
      'kill broker': 4,
      'kill any': 2,
      'kill at point': 4,
      'kill at disk call': 4,
      ...this.#powerCuts(),
      'pause broker': 3,
      'pause any': 1,
      'terminate broker': 2,
      'suspend broker': 2,
      'break connections': 1,
      'break at append': 4,
      'slow syncs': 2,
      'clock jump': 1,
      'hand over': 1,
      'second start': 2,
      ...(this.#disk === 'bad' ? BAD_DISK : {}),
    });
    return [...early, ...later];
  }

  #powerCuts(): FaultWeights {
    if (this.#durability !== 'ack') return {};
    return {
      'power cut at disk call': 3,
      'power cut': 1,
      'kill, then power cut': 4,
      'break at append, then power cut': 2,
    };
  }

  /** Commands start one after the other until there have been enough of them. */
  #populate(): void {
    const { world, machine } = this.#run;
    if (this.#isHealed) return;
    if (this.#commandsLeft === 0 && this.#ackedCount() < OPERATIONS) this.#commandsLeft++;
    const alive = (programs: readonly (SimProgram | undefined)[]): number => {
      return programs.filter((program) => program !== undefined && !program.process.isDead).length;
    };
    if (this.#commandsLeft > 0 && alive(this.#producers) < 4) {
      this.#commandsLeft--;
      this.#startProducer();
    }
    if (alive(this.#followers.map(({ program }) => program)) < 2) this.#startFollower();
    if (alive([this.#server]) === 0 && this.#chance.hits(0.15)) this.#server = serve(machine);
    else if (this.#chance.hits(0.05)) serve(machine);
    if (alive([this.#probe]) === 0) this.#probe = probe(machine, this.#probed, this.#partitions);
    world.after(this.#chance.fraction() * 1200, () => this.#populate());
  }

  #startProducer(): void {
    const feeding = {
      lineCount: this.#chance.between(5, 150),
      lineBytesMax: this.#chance.pick([0, 20, 200, 1500]),
      burstCount: this.#chance.pick([1, 5, 20]),
      gapMs: this.#chance.pick([1, 30, 200]),
      timeoutMs: this.#disk === 'bad' ? 15_000 : 0,
      ...(this.#producersCreate ? { createPartitions: this.#partitions } : {}),
    };
    const name = `produce${this.#producers.length}`;
    const by = this.#server !== undefined && this.#chance.hits(0.3) ? 'port' : 'directory';
    if (by === 'port') this.#needsServer = true;
    this.#producers.push(produce(this.#run.machine, this.#ledger, name, by, feeding));
  }

  #startFollower(): void {
    const name = `consume${this.#followers.length}`;
    const by = this.#server !== undefined && this.#chance.hits(0.2) ? 'port' : 'directory';
    if (by === 'port') this.#needsServer = true;
    const program = follow(this.#run.machine, name, by, false);
    this.#followers.push(new FollowerReader(program, this.#ledger));
    // Nobody reads what it prints, perhaps while it is the broker; and then somebody does.
    if (!this.#chance.hits(0.25)) return;
    program.stdio.leaveUnread();
    this.#run.world.after(this.#chance.between(100, FAULTS_MS), () => program.stdio.readAgain());
  }

  /** While there are clients of the port, a `serve` that ended is started again, as a supervisor does. */
  #keepServing(): void {
    const { world, machine } = this.#run;
    if (!this.#needsServer) return;
    if (this.#server === undefined || this.#server.process.isDead) this.#server = serve(machine);
    world.after(1000, () => this.#keepServing());
  }

  /** Runs the world, and reads what the followers print as it comes. */
  async #watch(done: () => boolean, limitMs: number): Promise<boolean> {
    const check = (): boolean => {
      for (const follower of this.#followers) follower.read(!this.#readOnlyPids.has(follower.program.process.pid));
      return done();
    };
    const ended = await this.#run.world.run(check, limitMs);
    return ended === 'done' || ended === 'violated';
  }

  /** Without faults: producers end, followers print all there is, everybody leaves when asked to. */
  async #ending(): Promise<void> {
    const { world, machine } = this.#run;
    this.#probe?.process.signal('SIGTERM');
    const left = (programs: readonly SimProgram[]): string[] => {
      return programs.filter(({ process }) => !process.isDead).map(({ process }) => `${process.name}/${process.pid}`);
    };
    const working = [...this.#producers, ...(this.#probe === undefined ? [] : [this.#probe])];
    if (!(await this.#watch(() => left(working).length === 0, HEALED_MS))) {
      world.violate('I-31', `${left(working).join(', ')} did not end within ${HEALED_MS} ms without faults`);
    }
    for (const { process, stdio } of this.#producers) {
      const { exitCode } = process;
      if (exitCode !== undefined && exitCode !== 0 && exitCode !== 143 && this.#disk === 'good') {
        world.violate('I-31', `${process.name} ended with ${exitCode}: ${stdio.notes().join('; ')}`);
      }
    }
    const log = await this.#restingLog();
    if (log === undefined) return;
    this.#needsServer = false;
    for (const process of machine.alive()) process.signal('SIGTERM');
    if (!(await this.#watch(() => machine.alive().length === 0, HEALED_MS))) {
      const names = machine.alive().map(({ name, pid }) => `${name}/${pid}`);
      world.violate('I-31', `${names.join(', ')} did not leave within ${HEALED_MS} ms`);
    }
    // What a slow disk had not made durable when the log was read is committed by a clean stop.
    const hasGrown = this.#fileEnds().some((end, at) => end > (log[at]?.length ?? 0));
    const last = hasGrown && world.violations.length === 0 ? await this.#readLog() : log;
    if (last !== undefined) this.#judge(last);
  }

  #fileEnds(): readonly number[] {
    return checkLogFiles(this.#run.machine, `${DIRECTORY}/brokers/1`, TOPIC, this.#partitions).ends;
  }

  /**
   * The log once every follower has printed all of it, and no more. It may grow after the producers are gone: what they had sent may
   * have waited in a broker that could not renew its lease. undefined after a violation.
   */
  async #restingLog(): Promise<Seen[][] | undefined> {
    const { world } = this.#run;
    for (let reading = 0; reading < READINGS_MAX; reading++) {
      const log = await this.#readLog();
      if (log === undefined || world.violations.length > 0) return undefined;
      const followers = this.#followers.filter(({ program: { process } }) => !this.#readOnlyPids.has(process.pid));
      const all = (isDone: (offset: number, end: number) => boolean): boolean =>
        followers.every(
          (follower) =>
            follower.program.process.isDead ||
            log.every((records, at) => isDone(follower.nextOffset(at), records.length)),
        );
      if (!(await this.#watch(() => all((offset, end) => offset >= end), HEALED_MS))) {
        world.violate('I-31', 'a follower did not print the whole log');
        return undefined;
      }
      if (all((offset, end) => offset === end)) return log;
    }
    world.violate('I-31', `the log still grew at the ${READINGS_MAX}th reading, with nobody left to produce`);
    return undefined;
  }

  /** All records, by partition, as a new consumer gets them. */
  async #readLog(): Promise<Seen[][] | undefined> {
    const { world, machine } = this.#run;
    const reader = new FollowerReader(follow(machine, 'judge', 'directory', true), this.#ledger);
    await this.#watch(() => reader.program.process.isDead, HEALED_MS);
    const { exitCode } = reader.program.process;
    // All who would have made the topic were killed before they did.
    if (exitCode === 5 && this.#producersCreate && !this.#ledger.hasPromises()) return [];
    if (exitCode !== 0) {
      world.violate('I-31', `the last consumer ended with ${exitCode}: ${reader.program.stdio.notes()}`);
      return undefined;
    }
    const log: Seen[][] = Array.from({ length: this.#partitions }, () => []);
    for (const seen of reader.read()) log[seen.partition]?.push(seen);
    return log;
  }

  #judge(log: readonly (readonly Seen[])[]): void {
    const { world, operation } = this.#run;
    if (world.violations.length > 0) return;
    this.#ledger.judge(log);
    this.#fileEnds().forEach((end, partition) => {
      const count = log[partition]?.length ?? 0;
      if (end !== count)
        world.violate('I-2', `partition ${partition}: the files end at ${end}, a consumer got ${count}`);
    });
    for (let at = 0; at < this.#probed.answers; at++) operation();
    for (const { ackedCount } of this.#ledger.producers.values()) if (ackedCount > 0) operation();
    for (const records of log) for (const _ of records) operation();
  }
}

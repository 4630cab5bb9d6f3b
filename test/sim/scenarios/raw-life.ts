/**
 * The life of a directory under producers that send again and leave gaps (`idempotence`), and one in which records are deleted
 * by size and on demand while they are written and read (`keeper`), with good and bad disks.
 */
import { checkLogFiles } from '../log-files-checker.ts';
import type { OwnerChecker } from '../owner-checker.ts';
import type { Prng } from '../prng.ts';
import type { Scenario, SeedRun } from '../seed-run.ts';
import type { SimProgram } from '../sim-machine.ts';
import { alterConfig, deleteRecords } from './admin.ts';
import { createTopic, DIRECTORY, FollowerReader, follow, serve, TOPIC } from './commands.ts';
import { armLife, FAULT_WEIGHTS, FAULTS_MS_MAX, HEALED_MS, watchDisk } from './faults-of-life.ts';
import { Ledger, type Seen } from './ledger.ts';
import { type Probed, probe } from './prober.ts';
import { produceRaw, RawLedger } from './raw-producer.ts';

type Kind = 'idempotence' | 'keeper';

export const idempotence: Scenario = {
  name: 'idempotence',
  run: (run) => new RawLife(run, 'idempotence').run(),
};
export const keeper: Scenario = { name: 'keeper', run: (run) => new RawLife(run, 'keeper').run() };

class RawLife {
  readonly #run: SeedRun;
  readonly #kind: Kind;
  readonly #chance: Prng;
  readonly #ledger: Ledger;
  readonly #raw: RawLedger;
  readonly #owner: OwnerChecker;
  readonly #partitions: number;
  readonly #isBadDisk: boolean;
  readonly #probed: Probed;
  readonly #producers: SimProgram[] = [];
  #retentionBytes = Number.POSITIVE_INFINITY;
  /** By partition: the largest start that a DeleteRecords asked for, and that one answered. */
  readonly #askedBefore: number[] = [];
  readonly #deletedBefore: number[] = [];
  #server: SimProgram | undefined;
  #probe: SimProgram | undefined;

  constructor(run: SeedRun, kind: Kind) {
    const { world, machine } = run;
    this.#run = run;
    this.#kind = kind;
    this.#chance = world.chance.fork();
    this.#ledger = new Ledger(world);
    this.#raw = new RawLedger(world);
    this.#owner = watchDisk(machine);
    this.#partitions = this.#chance.pick([1, 1, 2]);
    this.#isBadDisk = this.#chance.hits(0.5);
    this.#probed = { highWatermarks: [], logStarts: [], answers: 0, ...(kind === 'keeper' ? { outOfRange: [] } : {}) };
  }

  async run(): Promise<void> {
    const { world } = this.#run;
    if (!(await this.#create())) return;
    const weights = FAULT_WEIGHTS;
    const { injector, isOver } = armLife(this.#run, this.#owner, this.#chance, { weights, isBadDisk: this.#isBadDisk });
    this.#probed.excusedPids = injector.readOnlyPids;
    this.#populate();
    await world.run(isOver, FAULTS_MS_MAX);
    injector.heal();
    this.#isHealed = true;
    if (world.violations.length === 0) await this.#ending();
  }

  #isHealed = false;

  /** Until one lived to tell. */
  async #create(): Promise<boolean> {
    const { world, machine } = this.#run;
    const configs = new Map([['index.interval.bytes', String(this.#chance.pick([0, 300]))]]);
    if (this.#kind === 'keeper') {
      this.#retentionBytes = this.#chance.pick([1500, 4000, 20_000]);
      configs.set('retention.bytes', String(this.#retentionBytes));
      configs.set('file.delete.delay.ms', String(this.#chance.pick([0, 500])));
    }
    if (this.#kind === 'keeper' || this.#chance.hits(0.6)) {
      configs.set('segment.ms', String(this.#chance.between(100, 800)));
    }
    const { process } = createTopic(machine, this.#partitions, configs);
    await world.run(() => process.isDead, HEALED_MS);
    // So that the sweeps of a `serve` are seen too.
    const swift = alterConfig(machine, 'brokers', 'log.retention.check.interval.ms', '700');
    await world.run(() => swift.process.isDead, HEALED_MS);
    return process.exitCode === 0;
  }

  #populate(): void {
    const { world, machine, operation } = this.#run;
    if (this.#isHealed) return;
    const isAlive = (program: SimProgram | undefined): boolean => program !== undefined && !program.process.isDead;
    if (this.#producers.filter(isAlive).length < 3) {
      const plan = {
        partition: this.#chance.between(0, this.#partitions - 1),
        batchCount: this.#chance.between(10, 60),
        restMs: this.#chance.pick([2, 30, 150]),
        wholeWindow: this.#kind === 'idempotence',
      };
      const name = `raw${this.#producers.length}`;
      this.#producers.push(produceRaw(machine, this.#raw, name, plan, operation));
    }
    if (!isAlive(this.#server) && this.#chance.hits(0.2)) this.#server = serve(machine);
    if (!isAlive(this.#probe)) {
      this.#probe = probe(machine, this.#probed, this.#partitions, operation);
    }
    if (this.#kind === 'keeper' && this.#chance.hits(0.3)) this.#deleteSome();
    world.after(this.#chance.fraction() * 700, () => this.#populate());
  }

  #deleteSome(): void {
    const partition = this.#chance.between(0, this.#partitions - 1);
    const shown = this.#probed.highWatermarks[partition] ?? 0;
    const offset = this.#chance.between(0, shown);
    this.#askedBefore[partition] = Math.max(this.#askedBefore[partition] ?? 0, offset);
    deleteRecords(this.#run.machine, partition, offset, ({ errorCode, lowWatermark }) => {
      this.#run.operation();
      if (errorCode !== 0) return;
      if (lowWatermark < offset) this.#run.world.violate('I-10', `asked for ${offset}, got a start of ${lowWatermark}`);
      this.#deletedBefore[partition] = Math.max(this.#deletedBefore[partition] ?? 0, offset);
    });
  }

  /** Without faults: everybody leaves, somebody new gets his acks, and the log holds what it must. */
  async #ending(): Promise<void> {
    const { world, machine, operation } = this.#run;
    for (const process of machine.alive()) process.signal('SIGTERM');
    await world.run(() => machine.alive().length === 0, HEALED_MS);
    for (const { name, pid } of machine.alive()) {
      world.violate('I-31', `${name}/${pid} did not leave within ${HEALED_MS} ms without faults`);
    }
    for (let partition = 0; partition < this.#partitions; partition++) {
      const plan = { partition, batchCount: 3, restMs: 5, wholeWindow: true };
      const { process } = produceRaw(machine, this.#raw, `last${partition}`, plan, operation);
      await world.run(() => process.isDead, HEALED_MS);
      if (process.exitCode !== 0) world.violate('I-31', `${process.name} got no acks without faults`);
    }
    const log = await this.#readLog();
    if (world.violations.length > 0) return;
    this.#ledger.judge(log);
    this.#raw.judge(log);
    this.#judgeFiles(log);
  }

  async #readLog(): Promise<Seen[][]> {
    const { world, machine } = this.#run;
    const reader = new FollowerReader(follow(machine, 'judge', 'directory', true), this.#ledger, true);
    await world.run(() => reader.program.process.isDead, HEALED_MS);
    if (reader.program.process.exitCode !== 0) {
      world.violate('I-31', `the last consumer did not get the log: ${reader.program.stdio.notes().join('; ')}`);
    }
    const log: Seen[][] = Array.from({ length: this.#partitions }, () => []);
    for (const seen of reader.read()) log[seen.partition]?.push(seen);
    return log;
  }

  #judgeFiles(log: readonly (readonly Seen[])[]): void {
    const { world, machine } = this.#run;
    const { ends, logBytes } = checkLogFiles(machine, `${DIRECTORY}/brokers/1`, TOPIC, this.#partitions);
    for (const [partition, records] of log.entries()) {
      const where = `partition ${partition}`;
      const end = (records.at(-1)?.offset ?? -1) + 1;
      if (ends[partition] !== end) world.violate('I-2', `${where}: files end at ${ends[partition]}, reads at ${end}`);
      const start = records[0]?.offset ?? 0;
      const refused = this.#probed.outOfRange?.[partition] ?? -1;
      const seen = Math.max(this.#probed.logStarts[partition] ?? 0, this.#deletedBefore[partition] ?? 0, refused + 1);
      if (start < seen) world.violate('I-10', `${where} starts at ${start}, after ${seen}`);
      const isAsked = start <= (this.#askedBefore[partition] ?? 0);
      if (!isAsked && (logBytes[partition] ?? 0) < this.#retentionBytes) {
        world.violate('I-10', `${where} starts at ${start} with ${logBytes[partition]} bytes left`);
      }
    }
  }
}

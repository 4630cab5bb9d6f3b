/**
 * A short story with one crash at one place: the n-th changing disk call is the last one of its process, or of the machine's
 * power, or fails. Then the story goes on, and with the next ack the power is cut once more in the worst way: whatever was
 * not synced by somebody is gone. So what a killed process left half-done must not be taken for done.
 */
import { type DiskCall, isChanging } from '../disk-faults.ts';
import type { LossModels } from '../file-system.ts';
import { checkLogFiles } from '../log-files-checker.ts';
import type { OwnerChecker } from '../owner-checker.ts';
import type { CrashModel, Scenario, SeedRun } from '../seed-run.ts';
import type { SimProgram } from '../sim-machine.ts';
import type { SimProcess } from '../sim-process.ts';
import { alterConfig } from './admin.ts';
import { createTopic, DIRECTORY, FollowerReader, follow, produce, TOPIC } from './commands.ts';
import { watchDisk } from './faults-of-life.ts';
import { Ledger, type Seen } from './ledger.ts';

const STEP_MS = 60_000;
const PARTITION_FOLDER = `${DIRECTORY}/brokers/1`;
const CONFIGS: ReadonlyMap<string, string> = new Map([
  ['segment.ms', '100'],
  ['index.interval.bytes', '0'],
]);
const CUTS: Readonly<Partial<Record<CrashModel, LossModels>>> = {
  'nothing kept': { file: ['nothing kept'], folder: ['nothing kept'] },
  'all kept': { file: ['all kept'], folder: ['all kept'] },
  prefix: { file: ['prefix'], folder: ['prefix'] },
  sectors: { file: ['sectors'], folder: ['subset'] },
  'NUL tail': { file: ['NUL tail'], folder: ['subset'] },
};
const WORST: LossModels = { file: ['nothing kept'], folder: ['nothing kept'] };

export interface CrashStory {
  readonly name: string;
  /** Of the topic, beside `segment.ms` 100 and an index entry a batch. */
  readonly configs?: Readonly<Record<string, string>>;
  /** Acks come before syncs: a power cut may take what was acked. */
  readonly isLossy?: boolean;
  /** No topic is made before `act`. */
  readonly startsEmpty?: boolean;
  /** What comes before the part in which the crash is. */
  readonly prepare?: (tale: Tale) => Promise<void>;
  readonly act: (tale: Tale) => Promise<void>;
  /** What must hold in the end, beside what holds of every story. */
  readonly judge?: (tale: Tale, log: readonly Seen[]) => Promise<void> | void;
}

export function crashStory(story: CrashStory): Scenario {
  return { name: story.name, run: (run) => new Tale(run, story).run() };
}

/** What a story is told with. */
export class Tale {
  readonly sim: SeedRun;
  readonly ledger: Ledger;
  readonly owner: OwnerChecker;
  /** A DeleteRecords up to there was answered; one up to there was asked for. */
  deletedBefore = 0;
  /** Producers whose topic was deleted after them, and that was answered. */
  readonly deleted = new Set<string>();
  askedBefore = 0;
  readonly #story: CrashStory;
  #hasLostPower = false;
  /** While a command may be the victim. */
  #isArmed = false;

  constructor(run: SeedRun, story: CrashStory) {
    this.sim = run;
    this.#story = story;
    this.ledger = new Ledger(run.world);
    this.owner = watchDisk(run.machine);
  }

  async run(): Promise<void> {
    const { machine, world } = this.sim;
    if (this.#story.startsEmpty !== true) await this.create();
    await this.#story.prepare?.(this);
    const disarm = this.#arm();
    await this.#story.act(this);
    disarm();
    machine.hardware.faults = () => undefined;
    await this.#mendedBroker();
    await this.#cutAfterFirstAck();
    const before = await this.readAll();
    await this.feed(12);
    const log = await this.readAll();
    if (world.violations.length > 0) return;
    const [start, startBefore] = [log[0]?.offset ?? 0, before[0]?.offset ?? 0];
    if (before.length > 0 && (log.at(-1)?.offset ?? -1) < (before.at(-1)?.offset ?? -1)) {
      world.violate('I-1', `the log ends at ${log.at(-1)?.offset}, and before at ${before.at(-1)?.offset}`);
    }
    if (start < startBefore) world.violate('I-10', `the log starts at ${start}, after ${startBefore}`);
    this.#judge(log);
    await this.#story.judge?.(this, log);
  }

  #judge(log: readonly Seen[]): void {
    const { machine, world } = this.sim;
    this.ledger.judge([log], { mayHaveLost: this.#story.isLossy === true && this.#hasLostPower });
    const { ends } = checkLogFiles(machine, PARTITION_FOLDER, TOPIC, 1);
    const end = (log.at(-1)?.offset ?? -1) + 1;
    if (ends[0] !== end) world.violate('I-2', `the files end at ${ends[0]}, a consumer got all before ${end}`);
  }

  create(topic = TOPIC): Promise<number | undefined> {
    const configs = new Map([...CONFIGS, ...Object.entries(this.#story.configs ?? {})]);
    return this.ended(createTopic(this.sim.machine, 1, configs, topic));
  }

  /** Produces lines in a process of its own, and waits for its end. */
  feed(lineCount: number, more: { topic?: string; createPartitions?: number } = {}): Promise<number | undefined> {
    return this.ended(this.startFeeding(lineCount, more));
  }

  startFeeding(lineCount: number, more: { topic?: string; createPartitions?: number } = {}): SimProgram {
    const name = `produce${this.ledger.producers.size}`;
    const feeding = { lineCount, lineBytesMax: 30, burstCount: 4, gapMs: 150, timeoutMs: 20_000, ...more };
    return produce(this.sim.machine, this.ledger, name, 'directory', feeding);
  }

  async waitMs(ms: number): Promise<void> {
    await this.sim.world.run(() => false, ms);
  }

  async until(holds: () => boolean, limitMs = STEP_MS): Promise<void> {
    await this.sim.world.run(holds, limitMs);
  }

  async ended({ process }: SimProgram, limitMs = STEP_MS): Promise<number | undefined> {
    const { world, operation } = this.sim;
    await world.run(() => process.isDead, limitMs);
    if (!process.isDead) world.violate('I-31', `${process.name} did not end within ${limitMs} ms`);
    operation();
    return process.exitCode;
  }

  async readAll(topic = TOPIC): Promise<Seen[]> {
    const ledger = topic === TOPIC ? this.ledger : new Ledger(this.sim.world);
    const reader = new FollowerReader(follow(this.sim.machine, 'judge', 'directory', true, topic), ledger, true);
    const code = await this.ended(reader.program);
    const isExcused = code === undefined ? this.#isArmed : this.#isArmed || (code === 5 && topic !== TOPIC);
    if (code !== 0 && !isExcused) {
      this.sim.world.violate('I-31', `a consumer ended with ${code}: ${reader.program.stdio.notes().join('; ')}`);
    }
    return reader.read();
  }

  alter(of: 'topic' | 'brokers', name: string, value: string): Promise<number | undefined> {
    return this.ended(alterConfig(this.sim.machine, of, name, value));
  }

  /** Counts changing calls, and strikes at the chosen one. */
  #arm(): () => void {
    const { world, machine, crash, noteCalls } = this.sim;
    let made = 0;
    let isOver = false;
    this.#isArmed = true;
    const strikes = (call: DiskCall): boolean => !isOver && isChanging(call) && ++made === crash?.call;
    const model = crash?.model ?? 'kill';
    if (model === 'EIO' || model === 'ENOSPC' || model === 'short write') {
      machine.hardware.faults = (call) => {
        if (!strikes(call)) return undefined;
        world.note('crash', model, call);
        return model === 'short write' ? { kind: 'short', code: 'EIO' } : { kind: 'error', code: model };
      };
    } else {
      machine.onDiskCall = (call, process: SimProcess) => {
        if (!strikes(call)) return;
        world.note('crash', model, call);
        const losses = CUTS[model];
        this.#hasLostPower = losses !== undefined;
        if (losses === undefined) process.kill('crash point');
        else machine.cutPower(losses);
      };
    }
    return () => {
      isOver = true;
      this.#isArmed = false;
      noteCalls(made);
      machine.onDiskCall = () => undefined;
    };
  }

  /** Nobody is left that met a failed call: a log that failed stays offline for as long as its broker lives (D12). */
  async #mendedBroker(): Promise<void> {
    const { machine } = this.sim;
    for (const process of machine.alive()) process.signal('SIGTERM');
    await this.until(() => machine.alive().length === 0);
    for (const { name, pid } of machine.alive()) {
      this.sim.world.violate('I-31', `${name}/${pid} did not leave within ${STEP_MS} ms`);
    }
  }

  /** The power is gone as soon as anything is acked, while the broker is at work. */
  async #cutAfterFirstAck(): Promise<void> {
    const { world, machine } = this.sim;
    await this.create();
    const program = this.startFeeding(3);
    const story = this.ledger.producers.get(program.process.name);
    const isAcked = (): boolean => (story?.ackedCount ?? 0) > 0;
    await this.until(() => isAcked() || program.process.isDead);
    if (!isAcked()) {
      world.violate('I-31', `${program.process.name} was never acked: ${program.stdio.notes().join('; ')}`);
    }
    machine.cutPower(WORST);
    this.#hasLostPower = true;
  }
}

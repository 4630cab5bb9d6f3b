/**
 * A simulated machine: one file system, one network, the processes on it, and the power. A restart after a power cut has
 * a new boot id; the clock of the machine may differ from the world's.
 */
import type { Env, Log, Proc, ProcessFacts } from '../../src/kernel/env.ts';
import type { DiskCall } from './disk-faults.ts';
import { ALL_LOSSES, FileSystem, type LossModels } from './file-system.ts';
import type { Prng } from './prng.ts';
import { simClock, simRandom } from './sim-clock.ts';
import { type DiskHardware, SimDisk } from './sim-disk.ts';
import { SimLock } from './sim-lock.ts';
import { SimNetwork } from './sim-net.ts';
import { simOffload } from './sim-offload.ts';
import { SimProcess } from './sim-process.ts';
import { SimStdio } from './sim-stdio.ts';
import type { World } from './sim-world.ts';

/** 2026-01-01T00:00:00Z, plus part of a second that differs by machine. */
const WALL_EPOCH_MS = 1_767_225_600_000;

export interface SimProgram {
  readonly process: SimProcess;
  readonly env: Env;
  readonly stdio: SimStdio;
}

export type Main = (program: SimProgram) => Promise<number>;

export class SimMachine {
  readonly world: World;
  readonly name: string;
  readonly files: FileSystem;
  readonly hardware: DiskHardware;
  readonly network: SimNetwork;
  /** Called at each `env.fault(point)` of any process. */
  onFault: (point: string, process: SimProcess) => void = () => undefined;
  /** Called with each line that a living process logs. */
  onLog: (message: string, process: SimProcess) => void = () => undefined;
  /** Called just before a call of any process takes effect; it may kill that process, and the call with it. */
  onDiskCall: (call: DiskCall, process: SimProcess) => void = () => undefined;
  /** Called just after a call of any process took effect. */
  onDiskDone: (call: DiskCall, path: string, process: SimProcess) => void = () => undefined;
  readonly #chance: Prng;
  readonly #processes = new Map<number, SimProcess>();
  #bootCount = 1;
  #nextPid: number;
  #clockOffsetMs: number;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    this.#chance = world.chance.fork();
    this.#clockOffsetMs = this.#chance.fraction() * 1000;
    this.#nextPid = this.#chance.between(300, 30000);
    this.files = new FileSystem(() => this.wallMs());
    this.hardware = {
      files: this.files,
      chance: this.#chance.fork(),
      faults: () => undefined,
      before: (call, process) => this.onDiskCall(call, process),
      after: (call, path, process) => this.onDiskDone(call, path, process),
    };
    this.network = new SimNetwork(this.files, this.#chance.fork());
  }

  wallMs(): number {
    return WALL_EPOCH_MS + this.world.nowMs + this.#clockOffsetMs;
  }

  /** How often the machine was started. */
  get bootCount(): number {
    return this.#bootCount;
  }

  /** Sets the machine's clock forward or, with a negative number, back. */
  jumpClock(byMs: number): void {
    this.world.note(this.name, 'clock jumps', byMs);
    this.#clockOffsetMs += byMs;
  }

  /** Starts a program. It ends when `main` resolves; a rejection of `main` is a violation. */
  spawn(name: string, main: Main): SimProgram {
    const process = new SimProcess(this.world, name, this.#nextPid++);
    this.#processes.set(process.pid, process);
    process.note('started');
    const program: SimProgram = { process, stdio: new SimStdio(process), env: this.#envOf(process) };
    this.world.after(0, () => {
      process.deliver('signal', () => {
        main(program).then(
          (code) => process.exit(code),
          (error: unknown) => {
            if (process.isDead) return;
            const text = error instanceof Error ? error.stack : String(error);
            this.world.violate('rejected', `${process.name}/${process.pid}: ${text}`);
          },
        );
      });
    });
    return program;
  }

  /** Processes that are running or paused, oldest first. */
  alive(): SimProcess[] {
    return [...this.#processes.values()].filter((process) => !process.isDead);
  }

  /** All processes end at once, and every file and folder keeps only what some disk would have kept. */
  cutPower(losses: LossModels = ALL_LOSSES): void {
    this.world.note(this.name, 'power cut');
    for (const process of this.alive()) process.vanish();
    this.files.losePower(losses, this.#chance);
    this.#bootCount++;
  }

  #envOf(process: SimProcess): Env {
    const chance = this.#chance.fork();
    const clock = simClock(process, () => this.wallMs(), chance);
    return {
      disk: new SimDisk(process, this.hardware),
      clock,
      random: simRandom(chance),
      net: this.network.of(process),
      proc: this.#procOf(process),
      offload: simOffload(process, chance),
      lock: new SimLock(process, this.files, clock, chance),
      log: logOf(process, (message) => this.onLog(message, process)),
      fault: (point) => {
        if (!process.isDead) this.onFault(point, process);
      },
    };
  }

  #procOf(process: SimProcess): Proc {
    const bootId = (): string => `boot-${this.name}-${this.#bootCount}`;
    const facts: ProcessFacts = {
      hostId: `host-${this.name}`,
      bootId: bootId(),
      pidNamespace: 'pid:[1]',
      pid: process.pid,
      startTime: String(Math.floor(process.startedAtMs * 10)),
    };
    return {
      facts: () => facts,
      judge: (other) => {
        if (other.hostId !== facts.hostId || other.bootId !== bootId()) return 'unknown';
        const found = this.#processes.get(other.pid);
        return found === undefined || found.isDead ? 'dead' : 'alive';
      },
      describeState: (other) => {
        const state = this.#processes.get(other.pid)?.state;
        return state === 'dead' || state === undefined ? undefined : { running: 'sleeping', paused: 'stopped' }[state];
      },
      onSignal: (signal, action) => process.onSignal(signal, action),
      stopSelf: () => process.pause(),
    };
  }
}

function logOf(process: SimProcess, onLog: (message: string) => void): Log {
  const write = (level: string) => (message: string) => {
    if (process.isDead) return;
    process.note(level, message);
    onLog(message);
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

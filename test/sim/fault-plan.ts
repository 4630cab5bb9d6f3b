/**
 * The faults of one run, drawn from its seed before it begins: a list, so that a failing run can be repeated with fewer of
 * them until only those are left that matter. What a fault hits is decided when it comes, by its own share of chance.
 */
import { READ_IN_MEMORY } from '../../src/cli/read-only-seat.ts';
import { type DiskCall, type DiskFault, type FaultCode, isChanging } from './disk-faults.ts';
import { Prng } from './prng.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimProcess } from './sim-process.ts';

export type FaultKind =
  /** kill -9 of the broker, or of any process. */
  | 'kill broker'
  | 'kill any'
  /** kill -9, or a power cut, at the n-th fault point or changing disk call from now on. */
  | 'kill at point'
  | 'kill at disk call'
  | 'power cut at disk call'
  | 'power cut'
  /** The broker is killed with a batch written and not synced; the power goes while the next one recovers or begins to serve. */
  | 'kill, then power cut'
  /** SIGSTOP, and SIGCONT some time later. */
  | 'pause broker'
  | 'pause any'
  /** SIGTERM; SIGTSTP and SIGCONT. */
  | 'terminate broker'
  | 'suspend broker'
  | 'break connections'
  /** All connections break as the broker has written a batch and not answered yet; it may then have to leave as well. */
  | 'break at append'
  /** The same while syncs are slow, so that batches are sent again before they are on the disk; and then the power goes. */
  | 'break at append, then power cut'
  | 'slow syncs'
  /** For a while, syncs or writes of the broker's log fail with EIO; pages that were not synced are then dropped. */
  | 'sync errors'
  | 'write errors'
  /** For a while, writes to the log put a part of their bytes and fail then: EIO, ENOSPC, EDQUOT. */
  | 'short writes'
  /** For a while there is room for only a few more bytes. */
  | 'full disk'
  /** For a while nothing can be changed: EROFS. */
  | 'read only'
  /** The next call of the log's disk takes from one to forty seconds. */
  | 'hang'
  /** A `serve` is started beside whoever is the broker; while that one is stopped, in the second case. */
  | 'hand over'
  | 'second start'
  | 'clock jump';

export interface PlannedFault {
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly seed: number;
}

export type FaultWeights = Partial<Readonly<Record<FaultKind, number>>>;

/** `count` faults at times in [fromMs, toMs), in order. */
export function planFaults(
  chance: Prng,
  count: number,
  fromMs: number,
  toMs: number,
  weights: FaultWeights,
): PlannedFault[] {
  const kinds = Object.entries(weights).flatMap(([kind, weight]) => Array<FaultKind>(weight).fill(kind as FaultKind));
  const faults = Array.from({ length: count }, () => ({
    atMs: fromMs + chance.fraction() * (toMs - fromMs),
    kind: chance.pick(kinds),
    seed: chance.word(),
  }));
  return faults.sort((a, b) => a.atMs - b.atMs);
}

export function describeFault(fault: PlannedFault, index: number): string {
  return `${index}: ${fault.kind} at ${fault.atMs.toFixed(0)} ms`;
}

export interface FaultTargets {
  readonly machine: SimMachine;
  /** Whoever is the broker now. */
  broker(): SimProcess | undefined;
  /** Starts a `serve` on the directory. */
  serve?(): void;
}

/** A fault that waits for the n-th time that something happens. */
interface ArmedFault {
  left: number;
  /** Of fault points, only those whose name begins so. */
  readonly prefix?: string;
  readonly strike: (process: SimProcess) => void;
}

/** Carries planned faults out. */
export class FaultInjector {
  readonly #targets: FaultTargets;
  /** Set while something waits for the n-th fault point or disk call. */
  #atPoint: ArmedFault | undefined;
  #atCall: ArmedFault | undefined;
  #slowUntilMs = 0;
  #slowByMs = 0;
  #syncErrorsUntilMs = 0;
  #writeErrorsUntilMs = 0;
  #shortWrites: { readonly untilMs: number; readonly code: FaultCode } | undefined;
  #readOnlyUntilMs = 0;
  #hangMs = 0;
  #isHealed = false;
  /** Told of each call as it is made, with the fault that it will meet. */
  onDiskCall: (call: DiskCall, path: string, process: SimProcess, fault: DiskFault | undefined) => void = () =>
    undefined;
  /**
   * Who met a disk that may only be read, or has no room: he may show the logs as they are then, in his memory, for as long as he lives
   * (cli/read-only-seat.ts), without being able to make anything of it durable.
   */
  readonly readOnlyPids = new Set<number>();
  /** How often each fault point was passed. */
  readonly pointCounts = new Map<string, number>();
  /** How many faults of each kind came to something. */
  readonly struckCounts = new Map<FaultKind, number>();

  constructor(targets: FaultTargets) {
    this.#targets = targets;
    targets.machine.onFault = (point, process) => this.#passed(point, process);
    targets.machine.onLog = (message, process) => {
      if (message.startsWith(READ_IN_MEMORY)) this.readOnlyPids.add(process.pid);
    };
    targets.machine.onDiskCall = (call, process) => this.#called(call, process);
    targets.machine.hardware.faults = (call, path, process) => {
      const fault = this.#diskFault(call, path);
      if (fault?.kind === 'error' && fault.code === 'EROFS') this.readOnlyPids.add(process.pid);
      this.onDiskCall(call, path, process, fault);
      return fault;
    };
  }

  schedule(faults: readonly PlannedFault[]): void {
    const { world } = this.#targets.machine;
    for (const fault of faults) world.after(fault.atMs - world.nowMs, () => this.#strike(fault));
  }

  /** No more faults; what is paused goes on. */
  heal(): void {
    this.#isHealed = true;
    this.#atPoint = undefined;
    this.#atCall = undefined;
    this.#slowUntilMs = 0;
    this.#syncErrorsUntilMs = 0;
    this.#writeErrorsUntilMs = 0;
    this.#shortWrites = undefined;
    this.#readOnlyUntilMs = 0;
    this.#hangMs = 0;
    this.#targets.machine.files.capacityBytes = Number.POSITIVE_INFINITY;
    for (const process of this.#targets.machine.alive()) process.resume();
  }

  #strike({ kind, seed }: PlannedFault): void {
    if (this.#isHealed) return;
    const { machine } = this.#targets;
    const chance = new Prng(seed);
    machine.world.note('faults', kind);
    const done = (): void => {
      this.struckCounts.set(kind, (this.struckCounts.get(kind) ?? 0) + 1);
    };
    const on = (process: SimProcess | undefined, action: (process: SimProcess) => void): void => {
      if (process === undefined || process.isDead) return;
      done();
      action(process);
    };
    const alive = machine.alive();
    const any = alive.length === 0 ? undefined : chance.pick(alive);
    const actions: Record<FaultKind, () => void> = {
      'kill broker': () => on(this.#targets.broker(), (process) => process.kill('fault')),
      'kill any': () => on(any, (process) => process.kill('fault')),
      'kill at point': () => {
        this.#atPoint = {
          left: chance.between(1, 12),
          strike: (process) => on(process, () => process.kill('at point')),
        };
      },
      'kill at disk call': () => {
        this.#atCall = { left: chance.between(1, 40), strike: (process) => on(process, () => process.kill('at call')) };
      },
      'power cut at disk call': () => {
        this.#atCall = { left: chance.between(1, 40), strike: (process) => on(process, () => machine.cutPower()) };
      },
      'power cut': () => {
        done();
        machine.cutPower();
      },
      'kill, then power cut': () => {
        const strike = (process: SimProcess): void => {
          on(process, () => process.kill('after write'));
          machine.world.after(chance.between(20, 250), () => {
            if (!this.#isHealed) machine.cutPower();
          });
        };
        this.#atPoint = { left: chance.between(1, 6), prefix: 'log.append.after-write', strike };
      },
      'pause broker': () => on(this.#targets.broker(), (process) => this.#pause(process, chance)),
      'pause any': () => on(any, (process) => this.#pause(process, chance)),
      'terminate broker': () => on(this.#targets.broker(), (process) => process.signal('SIGTERM')),
      'suspend broker': () => on(this.#targets.broker(), (process) => this.#suspend(process, chance)),
      'break connections': () => {
        this.#breakConnections(chance, 0.5);
        done();
      },
      'break at append': () => {
        const strike = (process: SimProcess): void => {
          done();
          this.#breakConnections(chance, 1);
          if (chance.hits(0.6)) process.signal('SIGTERM');
        };
        this.#atPoint = { left: chance.between(1, 8), prefix: 'log.append', strike };
      },
      'break at append, then power cut': () => {
        const strike = (): void => {
          done();
          this.#slowUntilMs = machine.world.nowMs + 1500;
          this.#slowByMs = 1200;
          this.#breakConnections(chance, 1);
          machine.world.after(chance.between(100, 900), () => {
            if (!this.#isHealed) machine.cutPower();
          });
        };
        this.#atPoint = { left: chance.between(1, 6), prefix: 'log.append.after-write', strike };
      },
      'slow syncs': () => {
        this.#slowUntilMs = machine.world.nowMs + chance.between(200, 4000);
        this.#slowByMs = chance.pick([20, 300, 2500]);
        done();
      },
      'sync errors': () => {
        this.#syncErrorsUntilMs = machine.world.nowMs + chance.between(5, 400);
        done();
      },
      'write errors': () => {
        this.#writeErrorsUntilMs = machine.world.nowMs + chance.between(5, 400);
        done();
      },
      'short writes': () => {
        const code = chance.pick<FaultCode>(['EIO', 'ENOSPC', 'EDQUOT']);
        this.#shortWrites = { untilMs: machine.world.nowMs + chance.between(5, 400), code };
        done();
      },
      'read only': () => {
        this.#readOnlyUntilMs = machine.world.nowMs + chance.pick([200, 2000, 12_000]);
        done();
      },
      hang: () => {
        this.#hangMs = chance.between(1000, 40_000);
        done();
      },
      'hand over': () => {
        this.#targets.serve?.();
        done();
      },
      'second start': () => {
        on(this.#targets.broker(), (process) => {
          this.#pause(process, chance);
          this.#targets.serve?.();
        });
      },
      'full disk': () => {
        machine.files.capacityBytes = machine.files.usedBytes() + chance.pick([0, 50, 3000]);
        machine.world.after(chance.between(100, 4000), () => {
          machine.files.capacityBytes = Number.POSITIVE_INFINITY;
        });
        done();
      },
      'clock jump': () => {
        machine.jumpClock(chance.pick([-90_000, -700, 700, 8000, 3_600_000]));
        done();
      },
    };
    actions[kind]();
  }

  #breakConnections(chance: Prng, probability: number): void {
    for (const connection of this.#targets.machine.network.connections()) {
      if (chance.hits(probability)) connection.break('ECONNRESET');
    }
  }

  #pause(process: SimProcess, chance: Prng): void {
    process.pause();
    process.world.after(chance.pick([30, 400, 3000, 9000]) * (0.5 + chance.fraction()), () => process.resume());
  }

  /** Ctrl-Z and `fg`, which a user repeats when the command stops only after a while. */
  #suspend(process: SimProcess, chance: Prng): void {
    process.signal('SIGTSTP');
    const foreground = (timesLeft: number): void => {
      if (process.isDead || timesLeft === 0) return;
      process.resume();
      process.signal('SIGCONT');
      process.world.after(5000, () => foreground(timesLeft - 1));
    };
    // A disk that hangs keeps a broker from stopping for as long.
    process.world.after(chance.between(500, 6000), () => foreground(12));
  }

  #passed(point: string, process: SimProcess): void {
    this.pointCounts.set(point, (this.pointCounts.get(point) ?? 0) + 1);
    const armed = this.#atPoint;
    if (armed === undefined || !point.startsWith(armed.prefix ?? '') || --armed.left > 0) return;
    this.#atPoint = undefined;
    armed.strike(process);
  }

  #called(call: DiskCall, process: SimProcess): void {
    const armed = this.#atCall;
    if (armed === undefined || !isChanging(call) || --armed.left > 0) return;
    this.#atCall = undefined;
    armed.strike(process);
  }

  #diskFault(call: DiskCall, path: string): DiskFault | undefined {
    const { nowMs } = this.#targets.machine.world;
    const isLog = path.includes('/log/') && !path.includes('/cluster/');
    if (call === 'datasync' && isLog && nowMs < this.#syncErrorsUntilMs) return { kind: 'error', code: 'EIO' };
    if (call === 'write' && isLog && nowMs < this.#writeErrorsUntilMs) return { kind: 'error', code: 'EIO' };
    if (nowMs < this.#readOnlyUntilMs && call !== 'datasync' && isChanging(call))
      return { kind: 'error', code: 'EROFS' };
    const short = this.#shortWrites;
    if (short !== undefined && call === 'write' && isLog && nowMs < short.untilMs) {
      return { kind: 'short', code: short.code };
    }
    if (this.#hangMs > 0 && isLog) {
      const delayMs = this.#hangMs;
      this.#hangMs = 0;
      return { kind: 'slow', delayMs };
    }
    const isSync = call === 'datasync' || call === 'syncDirectory';
    return isSync && nowMs < this.#slowUntilMs ? { kind: 'slow', delayMs: this.#slowByMs } : undefined;
  }
}

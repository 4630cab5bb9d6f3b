/**
 * A simulated process: the owner of everything that one run of a program asked of the world. Code goes on only when
 * something that it waits for completes, so a killed process is one whose completions never come.
 *
 * A paused one (SIGSTOP) gets what came meanwhile when it is resumed: sockets first, then files, then overdue timers, as
 * libuv does it.
 */
import type { Signal } from '../../src/kernel/env.ts';
import type { World } from './sim-world.ts';
import type { TraceDetail } from './trace.ts';

export type CompletionKind = 'socket' | 'disk' | 'timer' | 'signal';
const RESUME_ORDER: readonly CompletionKind[] = ['signal', 'socket', 'disk', 'timer'];

export type ProcessState = 'running' | 'paused' | 'dead';

export interface Resource {
  /** The process is gone; nothing of it may be called any more. */
  abandon(): void;
}

/** Something that is under way in the kernel on behalf of a process. */
interface Operation {
  readonly finish: () => void;
  /** What of it may have come to pass when the process dies meanwhile. */
  readonly cutShort: (() => void) | undefined;
}

export class SimProcess {
  readonly world: World;
  readonly name: string;
  readonly pid: number;
  readonly startedAtMs: number;
  /** What `main` resolved to; undefined while it runs and when it was killed. */
  exitCode: number | undefined;
  #state: ProcessState = 'running';
  readonly #operations = new Set<Operation>();
  readonly #resources = new Set<Resource>();
  #deferred: { kind: CompletionKind; action: () => void }[] = [];
  readonly #signals = new Map<Signal, Set<() => void>>();
  readonly #onGone: (() => void)[] = [];

  constructor(world: World, name: string, pid: number) {
    this.world = world;
    this.name = name;
    this.pid = pid;
    this.startedAtMs = world.nowMs;
  }

  get state(): ProcessState {
    return this.#state;
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  note(what: string, ...detail: readonly TraceDetail[]): void {
    this.world.note(`${this.name}/${this.pid}`, what, ...detail);
  }

  onGone(action: () => void): void {
    this.#onGone.push(action);
  }

  own(resource: Resource): void {
    if (this.isDead) resource.abandon();
    else this.#resources.add(resource);
  }

  disown(resource: Resource): void {
    this.#resources.delete(resource);
  }

  /**
   * A system call that takes `latencyMs`: `effect` happens in the kernel, then the promise settles in the process. When the
   * process dies meanwhile, the effect happens or not (`cutShort`: half of it may), and the promise never settles.
   */
  perform<T>(kind: CompletionKind, latencyMs: number, effect: () => T, cutShort?: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isDead) return;
      const operation: Operation = {
        cutShort,
        finish: () => {
          if (!this.#operations.delete(operation)) return;
          let settle: () => void;
          try {
            const value = effect();
            settle = () => resolve(value);
          } catch (error) {
            settle = () => reject(error);
          }
          this.deliver(kind, settle);
        },
      };
      this.#operations.add(operation);
      this.world.after(latencyMs, operation.finish);
    });
  }

  /** Runs a callback of this process: now, when it is resumed, or never. */
  deliver(kind: CompletionKind, action: () => void): void {
    if (this.#state === 'dead') return;
    if (this.#state === 'paused') {
      this.#deferred.push({ kind, action });
      return;
    }
    try {
      action();
    } catch (error) {
      this.world.violate(
        'uncaught',
        `${this.name}/${this.pid}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    }
  }

  pause(): void {
    if (this.#state !== 'running') return;
    this.note('paused');
    this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.note('resumed', this.#deferred.length);
    this.#state = 'running';
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const kind of RESUME_ORDER) {
      for (const item of deferred) {
        if (item.kind === kind) this.world.after(0, () => this.deliver(kind, item.action));
      }
    }
  }

  /** kill -9: at once, in the middle of anything. */
  kill(why: string): void {
    if (this.isDead) return;
    this.note('killed', why);
    // Dead first: what completes below must not wake the process.
    this.#state = 'dead';
    for (const operation of this.#operations) {
      // The thread that is in the system call may or may not get to its end.
      if (!this.world.chance.hits(0.5)) continue;
      (operation.cutShort ?? operation.finish)();
    }
    this.#end();
  }

  /** Without any further effect of what was under way: the machine lost its power. */
  vanish(): void {
    if (this.isDead) return;
    this.note('vanished');
    this.#end();
  }

  exit(code: number): void {
    if (this.isDead) return;
    this.exitCode = code;
    this.note('exited', code);
    this.#end();
  }

  onSignal(signal: Signal, action: () => void): { remove(): void } {
    const actions = this.#signals.get(signal) ?? new Set();
    actions.add(action);
    this.#signals.set(signal, actions);
    return { remove: () => actions.delete(action) };
  }

  signal(signal: Signal): void {
    this.note('signal', signal);
    const actions = [...(this.#signals.get(signal) ?? [])];
    if (actions.length === 0) {
      if (signal === 'SIGTSTP') this.pause();
      else if (signal !== 'SIGCONT') this.kill(signal);
    }
    for (const action of actions) this.deliver('signal', action);
  }

  #end(): void {
    this.#state = 'dead';
    this.#operations.clear();
    this.#deferred = [];
    for (const resource of this.#resources) resource.abandon();
    this.#resources.clear();
    for (const action of this.#onGone) action();
  }
}

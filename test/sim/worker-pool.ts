/** Processes that run seeds: each gets its next order when it has answered the one before, so that none waits for another. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import type { SeedOutcome } from './seed-run.ts';
import type { SeedOrder } from './seed-worker.ts';

const PROCESSES_MAX = 4;
/** More collector threads than cores only get in each other's way; most garbage dies young. */
const QUICK = ['--single-threaded-gc', '--max-semi-space-size=64'];
const NAMED = ['--enable-source-maps'];

export interface PoolOptions {
  /** Stacks name source lines; slower. */
  readonly named?: boolean;
  readonly processCount?: number;
}

/** The outcomes, in the order in which they came; `onOutcome` answers false when no more orders are to be given out. */
export async function runOrders(
  bundlePath: string,
  orders: readonly SeedOrder[],
  options: PoolOptions = {},
  onOutcome: (outcome: SeedOutcome) => boolean = () => true,
): Promise<SeedOutcome[]> {
  const outcomes: SeedOutcome[] = [];
  const waiting = [...orders].reverse();
  const cores = Number(process.env['STREAMCTL_SIM_PROCESSES'] ?? availableParallelism());
  const count = Math.min(options.processCount ?? PROCESSES_MAX, cores, orders.length);
  const work = async (): Promise<void> => {
    const worker = new SeedProcess(bundlePath, options.named === true ? NAMED : QUICK);
    try {
      for (let order = waiting.pop(); order !== undefined; order = waiting.pop()) {
        const outcome = await worker.run(order);
        outcomes.push(outcome);
        if (!onOutcome(outcome)) waiting.length = 0;
      }
    } finally {
      worker.end();
    }
  };
  await Promise.all(Array.from({ length: count }, work));
  return outcomes;
}

class SeedProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  #answer: { resolve(outcome: SeedOutcome): void; reject(error: Error): void } | undefined;

  constructor(bundlePath: string, flags: readonly string[]) {
    this.#child = spawn(process.execPath, [...flags, bundlePath]);
    this.#child.stderr.pipe(process.stderr);
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#answer?.resolve(JSON.parse(line) as SeedOutcome);
    });
    const fail = (error: Error): void => this.#answer?.reject(error);
    this.#child.once('error', fail);
    this.#child.once('close', (status, signal) => fail(new Error(`a seed process ended with ${status ?? signal}`)));
  }

  run(order: SeedOrder): Promise<SeedOutcome> {
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
      this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    });
  }

  end(): void {
    this.#answer = undefined;
    this.#child.stdin.end();
  }
}

/** How long a member goes on while its coordinator does not answer as it should, and how soon it tries again. */
import type { Clock, Random } from '../kernel/env.ts';
import { KafkaError } from '../protocol/errors.ts';
import { Backoff } from './backoff.ts';
import { ConnectionLost, Unreachable } from './client-error.ts';
import { type GroupCoordinator, isCoordinatorTrouble } from './group-coordinator.ts';

export class Patience {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #backoff: Backoff;
  #failingSinceMs: number | undefined;

  /** `timeoutMs` 0: for ever. */
  constructor(clock: Clock, random: Random, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#backoff = new Backoff(random);
  }

  answered(): void {
    this.#failingSinceMs = undefined;
    this.#backoff.reset();
  }

  /** How long to wait after `error`. Throws what the member ends with, when it does not pass or has lasted too long. */
  pauseMs(error: unknown, coordinator: GroupCoordinator): number {
    this.mayTryAgain(error, coordinator);
    const nowMs = this.#clock.monotonicMs();
    this.#failingSinceMs ??= nowMs;
    if (this.#timeoutMs !== 0 && nowMs - this.#failingSinceMs >= this.#timeoutMs) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new Unreachable(`group '${coordinator.groupId}': ${problem}`, { cause: error });
    }
    return this.#backoff.nextMs();
  }

  /** Throws what the member ends with, unless the error is one that passes. */
  mayTryAgain(error: unknown, coordinator: GroupCoordinator): void {
    if (error instanceof ConnectionLost || error instanceof Unreachable) return;
    if (!(error instanceof KafkaError)) throw error;
    if (!isCoordinatorTrouble(error.errorName) && !error.retriable) throw coordinator.refused(error);
  }
}

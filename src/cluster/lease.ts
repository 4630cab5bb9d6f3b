/**
 * The lease of a broker (reliability R-5): may this process still speak as the broker? It may while the heartbeat of its
 * lock was confirmed less than LEASE_MS ago; others wait LOCK_STALE_MS before they take the place. Asked before every ack,
 * so it is arithmetic only.
 *
 * The monotonic clock stands still while a virtual machine is suspended; the wall clock shows it by running ahead at once.
 * After such a jump only a heartbeat that began later counts. A wall clock that is set forward looks the same and costs one
 * heartbeat's wait. A lease that lapsed counts again only after the metadata log was read anew and says that the
 * registration is still the newest.
 */
import type { Clock } from '../kernel/env.ts';
import { LOCK_STALE_MS } from './owner-judgement.ts';

export const LEASE_MS = 0.6 * LOCK_STALE_MS;

/** A wall clock that gains more than this on the monotonic one between two looks means a suspended machine. */
const WALL_JUMP_MS = 500;

export class Lease {
  readonly #clock: Clock;
  readonly #confirmedAtMs: () => number;
  /** Wall clock minus monotonic clock at the last look. */
  #clockDistanceMs: number;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #lapsed = false;

  /** `confirmedAtMs`: monotonic time at which the last confirmed heartbeat began. */
  constructor(clock: Clock, confirmedAtMs: () => number) {
    this.#clock = clock;
    this.#confirmedAtMs = confirmedAtMs;
    this.#clockDistanceMs = clock.wallMs() - clock.monotonicMs();
  }

  isHeld(): boolean {
    if (!this.isFresh()) {
      this.#lapsed = true;
    }
    return !this.#lapsed;
  }

  /** Whether the heartbeat is recent, be the lease lapsed or not. */
  isFresh(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const distanceMs = this.#clock.wallMs() - nowMs;
    if (distanceMs - this.#clockDistanceMs > WALL_JUMP_MS) {
      this.#notBeforeMs = nowMs;
    }
    this.#clockDistanceMs = distanceMs;
    const confirmedAtMs = this.#confirmedAtMs();
    return confirmedAtMs >= this.#notBeforeMs && nowMs - confirmedAtMs < LEASE_MS;
  }

  /** The log was read after the lapse and the registration is still the newest. */
  confirmByLog(): void {
    this.#lapsed = false;
  }
}

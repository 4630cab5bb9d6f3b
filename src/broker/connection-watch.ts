/** Notes when a connection last did what it has to do, so that one look a second finds those that keep the broker waiting. */

import type { Clock } from '../kernel/env.ts';
import type { ConnectionTimes } from './connection-limits.ts';

const LENGTH_BYTES = 4;

/** What only the connection knows at the moment of the look. */
export interface ConnectionState {
  readonly nowMs: number;
  readonly isRemote: boolean;
  /** Reading is stopped by us: what the peer does not send is not its fault. */
  readonly isReadingStopped: boolean;
  readonly hasWork: boolean;
  readonly unsentBytes: number;
}

export class ConnectionWatch {
  readonly #clock: Clock;
  readonly #acceptedMs: number;
  #receivedBytes = 0;
  #framedBytes = 0;
  #frameCount = 0;
  #frameSinceMs: number;
  #activeMs: number;
  #progressMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#acceptedMs = clock.monotonicMs();
    this.#frameSinceMs = this.#acceptedMs;
    this.#activeMs = this.#acceptedMs;
    this.#progressMs = this.#acceptedMs;
  }

  /** Before the bytes are cut into frames. */
  bytesArrived(byteCount: number): void {
    if (this.#receivedBytes === this.#framedBytes) this.#frameSinceMs = this.#clock.monotonicMs();
    this.#receivedBytes += byteCount;
  }

  /** `byteCount` without the length prefix. */
  frameArrived(byteCount: number): void {
    this.#framedBytes += LENGTH_BYTES + byteCount;
    this.#frameCount += 1;
    this.#activeMs = this.#clock.monotonicMs();
    this.#frameSinceMs = this.#activeMs;
  }

  readingResumed(): void {
    this.#frameSinceMs = this.#clock.monotonicMs();
  }

  /** The peer's system took a piece, or there is something to send again. */
  sendingWent(): void {
    this.#progressMs = this.#clock.monotonicMs();
    this.#activeMs = this.#progressMs;
  }

  /** Bytes of a frame that has not come whole. */
  get unfinishedBytes(): number {
    return this.#receivedBytes - this.#framedBytes;
  }

  times({ nowMs, isRemote, isReadingStopped, hasWork, unsentBytes }: ConnectionState): ConnectionTimes {
    const isFrameDue = this.#receivedBytes > this.#framedBytes && !isReadingStopped;
    return {
      isRemote,
      isFirstFrameDue: this.#frameCount === 0,
      acceptedForMs: nowMs - this.#acceptedMs,
      frameForMs: isFrameDue ? nowMs - this.#frameSinceMs : undefined,
      unsentForMs: unsentBytes > 0 ? nowMs - this.#progressMs : undefined,
      idleForMs: hasWork || unsentBytes > 0 ? undefined : nowMs - this.#activeMs,
    };
  }
}

/**
 * Answers that wait for what they tell of: the appends of one shard that are under way, oldest first, each with the answers that go
 * out once it is committed. What was decided on the state behind an append waits for that append too, so that nothing is shown
 * that a crash could take back (I-22, I-23).
 */
import type { Answered } from '../groups/transition.ts';
import { coordinatorError } from './coordinator-errors.ts';

/** The checks that this process is still the broker; each rejects with KafkaError. */
export interface PlaceChecks {
  holdsLease(): boolean;
  /** Before an answer that promises something. */
  confirmLease(): Promise<void>;
  maySee(): boolean;
  /** Before an answer that shows something. */
  confirmSight(): Promise<void>;
}

export class AnswerQueue {
  readonly #place: PlaceChecks;
  readonly #onFailed: (error: unknown) => void;
  /** Of the newest append under way. */
  #newest: Answered[] | undefined;
  #underWayCount = 0;
  #onIdle: (() => void) | undefined;

  /** `onFailed`: an append was not committed; called before the answers behind it are refused. */
  constructor(place: PlaceChecks, onFailed: (error: unknown) => void) {
    this.#place = place;
    this.#onFailed = onFailed;
  }

  /** `answers` go out when `committed` resolves. */
  afterAppend(committed: Promise<void>, answers: readonly Answered[]): void {
    const waiting = [...answers];
    this.#newest = waiting;
    this.#underWayCount += 1;
    committed.then(
      () => {
        this.#settled(waiting);
        this.#confirmed(waiting, this.#place.holdsLease(), () => this.#place.confirmLease());
      },
      (error: unknown) => {
        this.#settled(waiting);
        this.#onFailed(error);
        refuseAll(waiting, error);
      },
    );
  }

  /** `answers` go out behind all appends that are under way, or now. */
  afterNewest(answers: readonly Answered[]): void {
    if (answers.length === 0) return;
    if (this.#newest !== undefined) this.#newest.push(...answers);
    else this.#confirmed(answers, this.#place.maySee(), () => this.#place.confirmSight());
  }

  /** Resolves when no append is under way any more, whichever way they ended. */
  idle(): Promise<void> {
    if (this.#underWayCount === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#onIdle;
      this.#onIdle = () => {
        before?.();
        resolve();
      };
    });
  }

  #settled(waiting: readonly Answered[]): void {
    if (this.#newest === waiting) this.#newest = undefined;
    this.#underWayCount -= 1;
    if (this.#underWayCount === 0) this.#onIdle?.();
  }

  #confirmed(answers: readonly Answered[], isConfirmed: boolean, confirm: () => Promise<void>): void {
    if (isConfirmed) {
      for (const answer of answers) answer.give();
      return;
    }
    confirm().then(
      () => {
        for (const answer of answers) answer.give();
      },
      (error: unknown) => refuseAll(answers, error),
    );
  }
}

export function refuseAll(answers: readonly Answered[], error: unknown): void {
  const told = coordinatorError(error);
  for (const answer of answers) answer.refuse(told);
}

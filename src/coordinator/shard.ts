/**
 * One life of one partition of `__consumer_offsets`: a state machine that is loaded from the log, asked by calls and moments, one
 * turn at a time, and thrown away when what it decided cannot be written.
 *
 *     loading --log replayed--> live --append failed, place lost, topic gone, stop--> over
 *
 * A turn is synchronous. What it decided is appended in the same turn, so that the order in the log is the order of the turns, and
 * replayed at once, before it is durable; its answers wait for that. A machine whose append failed knows too much: every
 * call of it is refused, and the next life reads the log again once all appends of this one have settled.
 * Source: Kafka's CoordinatorRuntime.java.
 */

import type { Call } from '../groups/call.ts';
import type { Now } from '../groups/group-host.ts';
import type { Transition } from '../groups/transition.ts';
import type { Env, Timer } from '../kernel/env.ts';
import { Queue } from '../kernel/queue.ts';
import { KafkaError } from '../protocol/errors.ts';
import { AnswerQueue, type PlaceChecks, refuseAll } from './answer-queue.ts';
import { coordinatorError, notCoordinator } from './coordinator-errors.ts';
import type { CoordinatorLog } from './coordinator-log.ts';
import { groupBatches } from './group-batch.ts';
import { loadLog } from './load-log.ts';
import type { GroupCaller, ShardMachine } from './shard-machine.ts';

/** Calls that wait for one load. */
const WAITING_COUNT_MAX = 4096;
const WAITING_MS_MAX = 5000;
/** Batches of a transition that may be split; far below what the topic takes. */
const SPLIT_BYTES = 1 << 20;
/** A moment that comes later than this came to a process that was stopped or stalled: nobody was heard meanwhile. */
const LATE_MS = 500;
/** What is due may take so long before others get their turn. */
const TURN_MS_MAX = 5;
/** A timer cannot wait much longer; what is further off is looked at again then. */
const TIMER_MS_MAX = 1_000_000_000;

export interface ShardOptions<M extends ShardMachine> {
  readonly env: Env;
  /** Of the partition, for the broker's log. */
  readonly name: string;
  readonly machine: M;
  readonly place: PlaceChecks;
  /** Called when it may be loaded. */
  readonly openLog: () => Promise<CoordinatorLog>;
  /** Settles when the life before this one has nothing under way any more. */
  readonly after: Promise<void>;
  /** The machine's first turn after the load. */
  readonly onLoaded: (machine: M, now: Now) => void;
  /** Why the life before this one ended by itself, if it did: what lasts is told once. */
  readonly told?: string | undefined;
  /** Called once when the life ends by itself, with the reason. */
  readonly onOver: (reason: string) => void;
}

/** A call that waits for the load, or for the lease to hold again. */
interface Waiting {
  readonly untilMs: number;
  run(): void;
  refuse(error: KafkaError): void;
}

export class Shard<M extends ShardMachine> {
  readonly #options: ShardOptions<M>;
  readonly #answers: AnswerQueue;
  readonly #waiting = new Queue<Waiting>(WAITING_COUNT_MAX);
  /** Ends of the watches over connections whose members the machine may know. */
  readonly #watched = new Map<number, () => void>();
  #state: 'loading' | 'live' | 'over' = 'loading';
  #log: CoordinatorLog | undefined;
  #nextOffset = 0;
  #isSightAwaited = false;
  #isFlushing = false;
  #isRunningDue = false;
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #waitTimer: Timer | undefined;

  constructor(options: ShardOptions<M>) {
    this.#options = options;
    this.#answers = new AnswerQueue(options.place, (error) => this.#fail(error));
    this.#load().catch((error: unknown) => this.#fail(error));
  }

  /** Of the log, once it is loaded. */
  get logBytes(): number {
    return this.#state === 'live' ? (this.#log?.sizeBytes ?? 0) : 0;
  }

  /** Resolves when no append is under way. After `end` none follows. */
  idle(): Promise<void> {
    return this.#answers.idle();
  }

  /**
   * Asks the machine, in this turn or, behind all calls before, once the load is done. Never calls anything back before it returns.
   * Rejects with KafkaError: COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, UNKNOWN_SERVER_ERROR, ...
   */
  call<R>(caller: GroupCaller, run: (machine: M, call: Call<R>, now: Now) => void): Promise<R> {
    return new Promise((resolve, reject) => {
      const call: Call<R> = { caller, answer: resolve, fail: reject };
      this.#enqueue({
        untilMs: this.#options.env.clock.monotonicMs() + WAITING_MS_MAX,
        run: () => this.#runCall(call, caller, run),
        refuse: reject,
      });
    });
  }

  /** A turn that nobody waits for; nothing happens before the load is done, which sees the world as it is then. */
  turn(run: (machine: M, now: Now) => void): void {
    if (this.#state === 'live') this.#step(run);
  }

  /** Gives the machine up. Appends under way may still be committed, and are answered then. */
  end(error: KafkaError): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#timer?.cancel();
    this.#waitTimer?.cancel();
    for (const unwatch of this.#watched.values()) unwatch();
    this.#watched.clear();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.refuse(error);
    for (const answer of this.#options.machine.abandon(error)) answer.refuse(error);
  }

  #fail(error: unknown): void {
    if (this.#state === 'over') return;
    const { env, name, told: toldBefore, onOver } = this.#options;
    const text = error instanceof Error ? error.message : String(error);
    const say = text === toldBefore ? env.log.debug : env.log.warn;
    say(`${name}: its groups are loaded anew: ${text}`);
    if (!(error instanceof KafkaError) && error instanceof Error) env.log.debug(error.stack ?? '');
    const told = coordinatorError(error);
    // Whoever did not ask for what failed is to find its coordinator again, which is here.
    this.end(told.errorName === 'UNKNOWN_SERVER_ERROR' ? notCoordinator(told.message) : told);
    onOver(text);
  }

  async #load(): Promise<void> {
    const { env, name, machine, openLog, after, onLoaded } = this.#options;
    const isOver = (): boolean => this.#state === 'over';
    await after;
    if (isOver()) return;
    const log = await openLog();
    this.#log = log;
    this.#nextOffset = await loadLog(log, {
      env,
      name,
      replay: ({ record, offset, wallMs }) => machine.replay(record, { offset, wallMs, loading: true }),
      isOver,
    });
    if (isOver()) return;
    this.#state = 'live';
    this.#step(onLoaded);
    this.#flush();
  }

  #enqueue(waiting: Waiting): void {
    if (this.#state === 'over') {
      waiting.refuse(notCoordinator('the coordinator of the group is being given up'));
    } else if (this.#state === 'live' && this.#waiting.count === 0 && this.#options.place.maySee()) {
      waiting.run();
    } else if (this.#waiting.push(waiting)) {
      this.#expireWaiting();
      if (this.#state === 'live') this.#flush();
    } else {
      waiting.refuse(new KafkaError('COORDINATOR_LOAD_IN_PROGRESS', 'too many requests wait for the coordinator'));
    }
  }

  /** Runs what waited, in order, once the lease holds. */
  #flush(): void {
    if (this.#isFlushing) return;
    const { clock } = this.#options.env;
    const untilMs = clock.monotonicMs() + TURN_MS_MAX;
    while (this.#state === 'live' && this.#waiting.count > 0) {
      if (!this.#options.place.maySee()) {
        this.#awaitSight();
        return;
      }
      if (clock.monotonicMs() > untilMs) {
        this.#isFlushing = true;
        clock.soon(() => {
          this.#isFlushing = false;
          this.#flush();
        });
        return;
      }
      this.#waiting.shift()?.run();
    }
  }

  /**
   * The lease has lapsed: nothing is decided before it holds again, or somebody else is the broker. On a file system that takes no
   * writes sight is enough: what is committed is shown, and what would be written is refused by the log.
   */
  #awaitSight(): void {
    if (this.#isSightAwaited) return;
    this.#isSightAwaited = true;
    this.#options.place.confirmSight().then(
      () => {
        this.#isSightAwaited = false;
        this.#flush();
        this.#runDue();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** One timer for all that wait: they came in the order in which their time runs out. */
  #expireWaiting(): void {
    const next = this.#waiting.peek();
    if (this.#waitTimer !== undefined || next === undefined || this.#state === 'over') return;
    const { clock } = this.#options.env;
    const delayMs = Math.max(0, next.untilMs - clock.monotonicMs());
    this.#waitTimer = clock.timer(
      delayMs,
      () => {
        this.#waitTimer = undefined;
        const nowMs = clock.monotonicMs();
        for (
          let late = this.#waiting.peek();
          late !== undefined && late.untilMs <= nowMs;
          late = this.#waiting.peek()
        ) {
          this.#waiting.shift();
          late.refuse(new KafkaError('COORDINATOR_LOAD_IN_PROGRESS', 'the coordinator of the group is being loaded'));
        }
        this.#expireWaiting();
      },
      true,
    );
  }

  #runCall<R>(call: Call<R>, caller: GroupCaller, run: (machine: M, call: Call<R>, now: Now) => void): void {
    const { departure, connectionId } = caller;
    if (departure?.isGone === true) {
      // A newer request of the same client may have come another way: this one must not undo it.
      call.fail(notCoordinator('the client is gone'));
      return;
    }
    if (departure !== undefined && connectionId !== undefined) this.#watch(departure, connectionId);
    this.#step(
      (machine, now) => run(machine, call, now),
      (error) => call.fail(coordinatorError(error)),
    );
  }

  #watch(departure: NonNullable<GroupCaller['departure']>, connectionId: number): void {
    if (this.#watched.has(connectionId)) return;
    const unwatch = departure.onGone(() => {
      this.#watched.delete(connectionId);
      this.turn((machine, now) => machine.connectionGone(connectionId, now));
    });
    this.#watched.set(connectionId, unwatch);
  }

  /** One turn of the machine and what is due after it. What the machine throws is a fault of ours, and the end of this life. */
  #step(run: (machine: M, now: Now) => void, onFault?: (error: unknown) => void): void {
    try {
      run(this.#options.machine, this.#now());
    } catch (error) {
      onFault?.(error);
      this.#fail(error);
      return;
    }
    this.#drain();
    if (!this.#isRunningDue) this.#runDue();
  }

  /** Appends, replays and answers what the turns decided that nobody took yet. */
  #drain(): void {
    for (const transition of this.#options.machine.take()) {
      if (this.#state === 'over') refuseAll(transition.answers, notCoordinator('the coordinator is given up'));
      else if (transition.records.length === 0) this.#answers.afterNewest(transition.answers);
      else this.#append(transition);
    }
  }

  #append({ records, answers, isolated }: Transition): void {
    const { env, machine } = this.#options;
    const { wallMs } = this.#now();
    let committed: Promise<void> | undefined;
    try {
      const log = this.#log;
      if (log === undefined) throw new Error('a turn before the load');
      for (const part of groupBatches(records, wallMs, isolated ? SPLIT_BYTES : undefined)) {
        const appended = log.append(part.bytes, this.#nextOffset);
        const before = committed;
        committed =
          before === undefined ? appended.committed : Promise.all([before, appended.committed]).then(() => {});
        for (const [index, record] of part.records.entries()) {
          machine.replay(record, { offset: this.#nextOffset + index, wallMs, loading: false });
        }
        this.#nextOffset = appended.lastOffset + 1;
      }
    } catch (error) {
      if (committed !== undefined) this.#answers.afterAppend(committed, []);
      refuseAll(answers, error);
      if (!isolated || isLost(error)) this.#fail(error);
      else env.log.debug(`${this.#options.name}: not written: ${String(error)}`);
      return;
    }
    if (committed !== undefined) this.#answers.afterAppend(committed, answers);
  }

  /** Runs what is due, a deadline a turn. */
  #runDue(): void {
    const { env, machine, place } = this.#options;
    const startMs = env.clock.monotonicMs();
    if (this.#state !== 'live' || this.#isRunningDue) return;
    if (machine.nextDueMs > startMs) {
      this.#arm();
      return;
    }
    if (!place.maySee()) {
      this.#awaitSight();
      return;
    }
    // Heartbeats may lie unread in the sockets.
    const lateMs = startMs - machine.nextDueMs;
    if (lateMs > LATE_MS) machine.postpone(lateMs);
    this.#isRunningDue = true;
    this.#runDueUntil(startMs + TURN_MS_MAX);
  }

  #runDueUntil(untilMs: number): void {
    const { env, machine } = this.#options;
    for (;;) {
      const nowMs = env.clock.monotonicMs();
      if (this.#state !== 'live' || machine.nextDueMs > nowMs) break;
      if (nowMs > untilMs) {
        env.clock.soon(() => this.#runDueUntil(env.clock.monotonicMs() + TURN_MS_MAX));
        return;
      }
      this.#step((running, now) => running.tick(now));
    }
    this.#isRunningDue = false;
    this.#arm();
  }

  /** Sets the timer for what is due next; one that is set for an earlier time finds out by itself. */
  #arm(): void {
    const dueMs = this.#state === 'live' ? this.#options.machine.nextDueMs : Number.POSITIVE_INFINITY;
    if (dueMs === Number.POSITIVE_INFINITY) {
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#timerAtMs = dueMs;
      return;
    }
    if (this.#timer !== undefined && this.#timerAtMs <= dueMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = dueMs;
    const { clock } = this.#options.env;
    const delayMs = Math.min(TIMER_MS_MAX, Math.max(0, dueMs - clock.monotonicMs()));
    this.#timer = clock.timer(
      delayMs,
      () => {
        this.#timer = undefined;
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.#runDue();
      },
      true,
    );
  }

  #now(): Now {
    const { clock } = this.#options.env;
    return { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }
}

/** Whether the log went on without this shard, or another process has it. */
function isLost(error: unknown): boolean {
  return error instanceof KafkaError && error.errorName === 'NOT_LEADER_OR_FOLLOWER';
}

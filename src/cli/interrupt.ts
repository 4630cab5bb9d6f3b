/** SIGINT, SIGTERM and SIGHUP as a command takes them: stop, finish what was begun, and exit with 128 + n (R14). */
import type { Signal, Timer } from '../kernel/env.ts';
import { type ExitCode, exitCodeOfSignal } from './exit-codes.ts';
import type { Host } from './host.ts';

const STOPPING: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** A signal that follows another so soon is the same one: `timeout` and npm send each to the process and to its group. */
export const SAME_SIGNAL_MS = 100;
/** How long finishing may take. */
const GRACE_MS = 10_000;
/** How long a connection that is being made, or a broker that is starting, may take to be given up in good order. */
const OPENING_GRACE_MS = 1_000;
/** How long the way out may take when the grace is over: a broker that is ours is handed over in that time or not at all. */
const WAY_OUT_MS = 2_000;

export interface Interruption {
  /** Aborted by the first signal, and by `stop`. */
  readonly signal: AbortSignal;
  /** 128 + n once a signal came. */
  readonly exitCode: ExitCode | undefined;
  /**
   * Says that there is something to finish now; before that, a signal ends the process within a second. When the grace is over
   * `wayOut` still has a moment.
   */
  begin(wayOut: () => Promise<void>): void;
  /**
   * As `work`, or undefined as soon as the first signal comes and `commit` was not called: then nothing needs to be finished,
   * and the work is left to end by itself.
   */
  abandonable<T>(work: () => Promise<T>): Promise<T | undefined>;
  /** From now on work is brought to its end. */
  commit(): void;
  /** Ends the run as a signal would. */
  stop(exitCode: ExitCode): void;
  /** Signals act as before again. */
  close(): void;
}

/** The first signal aborts; a second one, or one that is not honoured within the grace, ends the process at once. */
export function listenForInterruption(host: Host): Interruption {
  const controller = new AbortController();
  let exitCode: ExitCode | undefined;
  let signalledMs = Number.NEGATIVE_INFINITY;
  let isCommitted = false;
  let leave: (() => Promise<void>) | undefined;
  let grace: Timer | undefined;
  const limit = (code: ExitCode): void => {
    grace?.cancel();
    const giveUp = (): void => {
      if (leave === undefined) {
        host.exitNow(code);
        return;
      }
      host.stdio.note(`streamctl: not done ${GRACE_MS / 1_000} s after the signal; left unfinished`);
      grace = host.env.clock.timer(WAY_OUT_MS, () => host.exitNow(code), true);
      const exit = (): void => host.exitNow(code);
      leave().then(exit, exit);
    };
    grace = host.env.clock.timer(leave === undefined ? OPENING_GRACE_MS : GRACE_MS, giveUp, true);
  };
  const received = (code: ExitCode): void => {
    const nowMs = host.env.clock.monotonicMs();
    if (nowMs < signalledMs + SAME_SIGNAL_MS) return;
    if (exitCode !== undefined) {
      host.exitNow(code);
      return;
    }
    signalledMs = nowMs;
    exitCode = code;
    limit(code);
    controller.abort();
  };
  const listeners = STOPPING.map((signal) => host.env.proc.onSignal(signal, () => received(exitCodeOfSignal(signal))));
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    begin(wayOut) {
      leave = wayOut;
      if (grace !== undefined && exitCode !== undefined) limit(exitCode);
    },
    abandonable: (work) => unlessAborted(controller.signal, work, () => isCommitted),
    commit() {
      isCommitted = true;
    },
    stop(code) {
      exitCode ??= code;
      controller.abort();
    },
    close() {
      grace?.cancel();
      for (const listener of listeners) listener.remove();
    },
  };
}

async function unlessAborted<T>(
  signal: AbortSignal,
  work: () => Promise<T>,
  isCommitted: () => boolean,
): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  let onAbort: () => void = () => undefined;
  const abandoned = new Promise<undefined>((resolve) => {
    onAbort = () => {
      if (!isCommitted()) resolve(undefined);
    };
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work(), abandoned]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

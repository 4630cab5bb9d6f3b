/** SIGINT, SIGTERM and SIGHUP as a command takes them: stop, finish what was begun, and exit with 128 + n (R14). */
import type { Signal, Timer } from '../kernel/env.ts';
import { type ExitCode, exitCodeOfSignal } from './exit-codes.ts';
import type { Host } from './host.ts';

const STOPPING: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** How long finishing may take. */
const GRACE_MS = 10_000;
/** How long a connection that is being made, or a broker that is starting, may take to be given up in good order. */
const OPENING_GRACE_MS = 1_000;

export interface Interruption {
  /** Aborted by the first signal, and by `stop`. */
  readonly signal: AbortSignal;
  /** 128 + n once a signal came. */
  readonly exitCode: ExitCode | undefined;
  /** Says that there is something to finish now; before that, a signal ends the process within a second. */
  begin(): void;
  /** Ends the run as a signal would. */
  stop(exitCode: ExitCode): void;
  /** Signals act as before again. */
  close(): void;
}

/** The first signal aborts; a second one, or one that is not honoured within the grace, ends the process at once. */
export function listenForInterruption(host: Host): Interruption {
  const controller = new AbortController();
  let exitCode: ExitCode | undefined;
  let hasBegun = false;
  let grace: Timer | undefined;
  const limit = (code: ExitCode): void => {
    grace?.cancel();
    const graceMs = hasBegun ? GRACE_MS : OPENING_GRACE_MS;
    const giveUp = (): void => {
      if (hasBegun) host.stdio.note(`streamctl: not done ${graceMs / 1_000} s after the signal; left unfinished`);
      host.exitNow(code);
    };
    grace = host.env.clock.timer(graceMs, giveUp, true);
  };
  const received = (code: ExitCode): void => {
    if (exitCode !== undefined) {
      host.exitNow(code);
      return;
    }
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
    begin() {
      hasBegun = true;
      if (grace !== undefined && exitCode !== undefined) limit(exitCode);
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

/** SIGINT, SIGTERM and SIGHUP as a command takes them: stop, finish what was begun, and exit with 128 + n (R14). */
import type { Env, Signal } from '../kernel/env.ts';
import { type ExitCode, exitCodeOfSignal } from './exit-codes.ts';
import type { Host } from './host.ts';

const STOPPING: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** How long finishing may take. */
const GRACE_MS = 10_000;

export interface Interruption {
  /** Aborted by the first signal, and by `stop`. */
  readonly signal: AbortSignal;
  /** 128 + n once a signal came. */
  readonly exitCode: ExitCode | undefined;
  /** Ends the run as a signal would. */
  stop(exitCode: ExitCode): void;
  /** Signals act as before again. */
  close(): void;
}

/** The first signal aborts; a second one, or one that is not honoured within the grace, ends the process at once. */
export function listenForInterruption(host: Host): Interruption {
  const controller = new AbortController();
  let exitCode: ExitCode | undefined;
  let grace: ReturnType<Env['clock']['timer']> | undefined;
  const received = (code: ExitCode): void => {
    if (exitCode !== undefined) {
      host.exitNow(code);
      return;
    }
    exitCode = code;
    grace = host.env.clock.timer(
      GRACE_MS,
      () => {
        host.stdio.note(`streamctl: not done ${GRACE_MS / 1_000} s after the signal; left unfinished`);
        host.exitNow(code);
      },
      true,
    );
    controller.abort();
  };
  const listeners = STOPPING.map((signal) => host.env.proc.onSignal(signal, () => received(exitCodeOfSignal(signal))));
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
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

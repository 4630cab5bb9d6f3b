/**
 * The real Env: this machine. Each part is loaded when it is first used, so that starting a command costs none of what it
 * does not need: no socket, lock, watch or worker code.
 */
import { nodeDisk } from '../disk/node-disk.ts';
import type { Clock, Env, LivenessLock, Log, Net, Offload, Random, Stdio } from '../kernel/env.ts';
import { faultPoints } from './fault-points.ts';
import { realClock, realRandom } from './real-clock.ts';
import { realProc } from './real-proc.ts';
import { stdioOf, writeStderr } from './real-stdio.ts';

export interface RealEnvOptions {
  /** Only warnings and errors are said. */
  readonly quiet?: boolean;
  readonly debug?: boolean;
}

/** How often a failure to accept connections is said at most. */
const ACCEPT_WARNING_MS = 10_000;

export function realEnv(options: RealEnvOptions = {}): Env {
  const clock = realClock();
  const random = realRandom();
  const log = realLog(options);
  return {
    clock,
    random,
    log,
    disk: nodeDisk({
      clock,
      onWatchError: (path, error) =>
        log.debug(`no watch on ${path}, it is looked at from time to time: ${error.message}`),
    }),
    net: lazyNet(clock, random, log),
    proc: realProc(),
    offload: lazyOffload(log),
    lock: lazyLock(clock, random, log),
    fault: faultPoints(process.env['STREAMCTL_FAULT']),
  };
}

export function realStdio(): Stdio {
  return stdioOf(realClock());
}

function realLog({ quiet = false, debug = false }: RealEnvOptions): Log {
  const say = (message: string): void => writeStderr(`streamctl: ${message}\n`);
  const saySecondary = quiet ? () => undefined : say;
  return {
    debug: debug ? (message) => say(`debug: ${message}`) : () => undefined,
    info: saySecondary,
    warn: (message) => say(`warning: ${message}`),
    error: (message) => say(`error: ${message}`),
  };
}

function lazyNet(clock: Clock, random: Random, log: Log): Net {
  let lastWarningMs = Number.NEGATIVE_INFINITY;
  const onAcceptError = (error: Error): void => {
    if (clock.monotonicMs() - lastWarningMs < ACCEPT_WARNING_MS) return;
    lastWarningMs = clock.monotonicMs();
    log.warn(`connections cannot be accepted for now: ${error.message}`);
  };
  const load = once(async () => {
    const [{ nodeNet }, paths] = await Promise.all([import('../net/node-net.ts'), import('../disk/socket-path.ts')]);
    const socketPaths = {
      shorten: (path: string) => paths.shortSocketPath(path, () => random.uuid()),
      protect: paths.protectSocket,
    };
    return nodeNet({ clock, socketPaths, onAcceptError });
  });
  return {
    listen: async (address, onConnection) => (await load()).listen(address, onConnection),
    connect: async (address, timeoutMs) => (await load()).connect(address, timeoutMs),
  };
}

function lazyLock(clock: Clock, random: Random, log: Log): LivenessLock {
  const load = once(async () => {
    const { nodeLock } = await import('../disk/node-lock.ts');
    const threads = once(async () => (await import('./real-heartbeat-thread.ts')).heartbeatThreads(clock, log));
    return nodeLock({ clock, random, heartbeatThread: async () => (await threads())() });
  });
  return {
    acquire: async (path, options) => (await load()).acquire(path, options),
    breakDead: async (path) => (await load()).breakDead(path),
  };
}

function lazyOffload(log: Log): Offload {
  const load = once(async () => (await import('./real-offload.ts')).realOffload(log));
  return {
    run: async (task) => (await load()).run(task),
    compress: async (codec, bytes) => (await load()).compress(codec, bytes),
  };
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => {
    loading ??= load();
    return loading;
  };
}

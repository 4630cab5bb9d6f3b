/** Proc over Linux's /proc, with `ps` and `sysctl` on macOS. */
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Proc, ProcessFacts } from '../kernel/env.ts';

/** What the system tells about one process. */
interface ProcessStatus {
  /** One letter as in /proc/<pid>/stat and `ps -o state`. */
  readonly state: string;
  readonly startTime: string;
}

/** `absent`: no such process; `unknown`: the system does not say. */
type StatusAnswer = ProcessStatus | 'absent' | 'unknown';

const STATE_WORDS: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'sleeping',
  D: 'waiting for a device',
  T: 'stopped',
  t: 'traced',
  I: 'idle',
  U: 'waiting for a device',
  Z: 'dead',
  X: 'dead',
};
const DEAD_STATES = 'ZXx';

export function realProc(): Proc {
  let own: ProcessFacts | undefined;
  const facts = (): ProcessFacts => {
    own ??= readFacts();
    return own;
  };
  return {
    facts,
    judge: (other) => judge(facts(), other),
    describeState: (other) => describeState(facts(), other),
    onSignal: (signal, action) => {
      process.on(signal, action);
      return { remove: () => process.off(signal, action) };
    },
    stopSelf: () => {
      process.kill(process.pid, 'SIGSTOP');
    },
  };
}

/** Exported for its own test: `own` is this process, `read` looks a process up. */
export function judge(
  own: ProcessFacts,
  other: ProcessFacts,
  read: (pid: number) => StatusAnswer = readStatus,
): 'alive' | 'dead' | 'unknown' {
  if (!isVisible(own, other)) return 'unknown';
  const status = read(other.pid);
  if (status === 'absent') return 'dead';
  if (status === 'unknown') return 'unknown';
  // A zombie has ended; its parent has not looked yet. Another start time: the number was given to a newer process.
  const isSame = status.startTime === other.startTime;
  return isSame && !DEAD_STATES.includes(status.state) ? 'alive' : 'dead';
}

function describeState(own: ProcessFacts, other: ProcessFacts): string | undefined {
  if (!isVisible(own, other)) return undefined;
  const status = readStatus(other.pid);
  if (status === 'unknown') return undefined;
  if (status === 'absent' || status.startTime !== other.startTime) return 'dead';
  return STATE_WORDS[status.state];
}

/** Process numbers mean something only within one boot of one machine, and there within one pid namespace. */
function isVisible(own: ProcessFacts, other: ProcessFacts): boolean {
  const isKnown = other.bootId !== undefined && other.pidNamespace !== undefined && other.startTime !== undefined;
  return isKnown && own.bootId === other.bootId && own.pidNamespace === other.pidNamespace;
}

function readFacts(): ProcessFacts {
  const { pid } = process;
  const status = readStatus(pid);
  const startTime = typeof status === 'object' ? status.startTime : undefined;
  return { hostId: readHostId(), bootId: readBootId(), pidNamespace: readPidNamespace(), pid, startTime };
}

/** Machine id and name: clones of one image differ in the name, containers of one machine in either. */
function readHostId(): string {
  const machineId = readText('/etc/machine-id') ?? readText('/var/lib/dbus/machine-id');
  return machineId === undefined || machineId === '' ? hostname() : `${machineId}/${hostname()}`;
}

function readBootId(): string | undefined {
  if (process.platform === 'darwin') return run('sysctl', ['-n', 'kern.bootsessionuuid']);
  return readText('/proc/sys/kernel/random/boot_id');
}

function readPidNamespace(): string | undefined {
  if (process.platform === 'darwin') return 'none';
  try {
    const { dev, ino } = statSync('/proc/self/ns/pid');
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function readStatus(pid: number): StatusAnswer {
  if (process.platform === 'darwin') return readStatusByPs(pid);
  const stat = readText(`/proc/${pid}/stat`);
  if (stat !== undefined) return parseStat(stat);
  // Without /proc, or where it hides other users' processes (hidepid), there may be one all the same.
  return readText('/proc/self/stat') === undefined || isSignalled(pid) ? 'unknown' : 'absent';
}

/** Fields 3 (state) and 22 (start time in clock ticks since boot) of proc(5); field 2 is a name that may contain anything. */
function parseStat(stat: string): StatusAnswer {
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[18];
  return state === undefined || startTime === undefined ? 'unknown' : { state, startTime };
}

function readStatusByPs(pid: number): StatusAnswer {
  const line = run('ps', ['-o', 'state=,lstart=', '-p', String(pid)]);
  if (line !== undefined && line !== '') return { state: line.slice(0, 1), startTime: line.replace(/^\S+\s+/, '') };
  return isSignalled(pid) ? 'unknown' : 'absent';
}

/** Is there a process with this number, ours or not? */
function isSignalled(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function run(command: string, args: string[]): string | undefined {
  try {
    const { execFileSync } = process.getBuiltinModule('node:child_process');
    return execFileSync(command, args, { encoding: 'utf8', timeout: 2000, stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** Whole processes, timed from outside: wall and CPU seconds of a pipeline, of a running broker, and medians of several rounds. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Timed {
  readonly wallSeconds: number;
  /** User and system time of all processes of the pipeline. */
  readonly cpuSeconds: number;
  readonly stdout: string;
}

/** Runs one line of bash and times it; throws when it fails. Its standard error is shown in the failure only. */
export function timed(commandLine: string): Promise<Timed> {
  const script = `set -o pipefail; TIMEFORMAT='%R %U %S'; time { ${commandLine} ; } 2>"$ERRORS"`;
  const errors = `/tmp/streamctl-bench-${process.pid}.err`;
  const environment: NodeJS.ProcessEnv = { ...process.env, ERRORS: errors };
  delete environment['NODE_EXTRA_CA_CERTS'];
  const child = spawn('bash', ['-c', script], { env: environment });
  child.stdin.end();
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      const times = stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
      const [wall, user, system] = times;
      if (status !== 0 || wall === undefined || user === undefined || system === undefined) {
        const said = readFileSync(errors, 'utf8').slice(-2000);
        return reject(new Error(`exit ${status}: ${commandLine}\n${said}${stderr.slice(-1000)}`));
      }
      resolve({ wallSeconds: wall, cpuSeconds: user + system, stdout });
    });
  });
}

export interface ProcessFigures {
  /** User and system seconds since the process began, its threads included. */
  readonly cpuSeconds: number;
  readonly residentMb: number;
  readonly peakResidentMb: number;
}

const CLOCK_TICKS_PER_SECOND = 100;

/** What Linux tells of a running process. */
export function processFigures(pid: number): ProcessFigures {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN);
  return {
    cpuSeconds: (Number(afterName[11]) + Number(afterName[12])) / CLOCK_TICKS_PER_SECOND,
    residentMb: kilobytes('VmRSS') / 1024,
    peakResidentMb: kilobytes('VmHWM') / 1024,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  if (high === undefined) return Number.NaN;
  return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2;
}

/** Value below which `share` (0..1) of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** One line about the machine, for the head of every table. */
export function machineFacts(): string {
  const processors = cpus();
  return [
    `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown processor'}`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    `load ${loadavg()[0]?.toFixed(2)}`,
  ].join(', ');
}

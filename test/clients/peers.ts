/** Other people's clients, for the outside suites: found where they are, installed where that is possible, named loudly where not. */
import { spawn, spawnSync } from 'node:child_process';

/** A peer that is not here and cannot be installed. A suite that meets it says so and fails under STREAMCTL_PEERS=required. */
export class PeerMissing extends Error {
  override readonly name = 'PeerMissing';
}

let kcatPath: string | undefined;

/** The kcat program; installed from the distribution's packages where this process may. Throws PeerMissing. */
export function kcat(): string {
  if (kcatPath) return kcatPath;
  if (!runs('kcat')) {
    if (process.getuid?.() !== 0 || !runs('apt-get', '--version')) {
      throw new PeerMissing('kcat is not installed (Debian: apt-get install kcat)');
    }
    spawnSync('apt-get', ['update'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'kcat'], { stdio: 'ignore' });
    if (!runs('kcat')) throw new PeerMissing('kcat is not installed, and apt-get could not install it');
  }
  kcatPath = 'kcat';
  return kcatPath;
}

function runs(program: string, flag = '-V'): boolean {
  return spawnSync(program, [flag], { stdio: 'ignore' }).error === undefined;
}

export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program to its end with `input` on its standard input. */
export function run(program: string, args: readonly string[], input?: Buffer | string): Promise<Finished> {
  const child = spawn(program, args);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (status, signal) =>
      resolve({ status, signal, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() }),
    );
  });
}

/** The built program as other people run it: `bin/streamctl.js` in a process of its own, on folders that are removed afterwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const STREAMCTL = fileURLToPath(new URL('../../bin/streamctl.js', import.meta.url));

/** What a process of streamctl left behind. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Environment of the tests: nothing of the caller's own streamctl settings. */
export function cleanEnvironment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, ...extra };
  for (const name of ['STREAMCTL_DIR', 'STREAMCTL_BOOTSTRAP_SERVER', 'NODE_EXTRA_CA_CERTS']) {
    if (!(name in extra)) delete environment[name];
  }
  return environment;
}

/** Runs a command to its end. */
export function streamctl(
  args: readonly string[],
  options: { input?: Buffer | string; environment?: Record<string, string> } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [STREAMCTL, ...args], { env: cleanEnvironment(options.environment) });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input);
  return ended(child);
}

/** Resolves when the process is gone and its output is complete. */
export function ended(child: ChildProcess): Promise<Ended> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) =>
      resolve({ status, signal, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() }),
    );
  });
}

export interface Serving {
  /** `127.0.0.1:PORT`, a free one. */
  readonly bootstrap: string;
  readonly process: ChildProcess;
  /** SIGTERM, then the exit status; null when a signal ended it. */
  stop(): Promise<number | null>;
  /** SIGKILL, resolved when it is gone. */
  kill(): Promise<void>;
}

/** Starts `serve` over `directory`, on a free port unless `flags` name one of 127.0.0.1, and waits until it is ready. */
export function startServe(directory: string, ...flags: string[]): Promise<Serving> {
  const listen = flags.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const args = [STREAMCTL, 'serve', '--dir', directory, ...listen, '--ready-fd', '3', ...flags];
  const child = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  const gone = new Promise<number | null>((resolve) => child.once('close', (status) => resolve(status)));
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-100_000);
  });
  return new Promise((resolve, reject) => {
    let ready = '';
    const channel = child.stdio[3];
    if (channel && 'on' in channel) {
      channel.on('data', (chunk: Buffer) => {
        ready += chunk.toString();
        const address = /127\.0\.0\.1:\d+/.exec(ready)?.[0];
        if (!address || !ready.includes('\n')) return;
        resolve({
          bootstrap: address,
          process: child,
          stop: () => {
            child.kill('SIGTERM');
            return gone;
          },
          kill: async () => {
            child.kill('SIGKILL');
            await gone;
          },
        });
      });
    }
    void gone.then((status) => reject(new Error(`serve ended with ${status} before it was ready: ${stderr}`)));
  });
}

/** Runs `use` with a new folder, and removes the folder whatever happens. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'streamctl-test-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

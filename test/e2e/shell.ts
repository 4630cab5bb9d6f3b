/** Command lines as a user types them, run by sh with `streamctl` and a directory of their own. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cleanEnvironment, type Ended, ended, STREAMCTL, withFolder } from '../helpers/streamctl.ts';

export type Shell = (script: string, input?: Buffer | string) => Promise<Ended>;

/** Calls `use` with a shell in which `$DIR` is a directory that does not exist yet, and which every command takes by itself. */
export function withShell<T>(use: (shell: Shell, folder: string) => Promise<T>): Promise<T> {
  return withFolder((folder) => use((script, input) => runScript(folder, script, input), folder));
}

function runScript(folder: string, script: string, input: Buffer | string = ''): Promise<Ended> {
  const directory = `${folder}/dir`;
  // A program on the PATH and no function of the shell, so that `$!` is the process that gets the signals.
  writeFileSync(`${folder}/streamctl`, `#!/bin/sh\nexec "${process.execPath}" "${STREAMCTL}" "$@"\n`, { mode: 0o755 });
  const path = `${folder}:${process.env['PATH']}`;
  const child = spawn('bash', ['-c', script], {
    cwd: folder,
    env: cleanEnvironment({ STREAMCTL_DIR: directory, DIR: directory, PATH: path }),
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return ended(child);
}

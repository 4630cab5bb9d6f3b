/** Command lines as a user types them, run by sh with `streamctl` and a directory of their own. */
import { spawn } from 'node:child_process';
import { cleanEnvironment, type Ended, ended, STREAMCTL, withFolder } from '../helpers/streamctl.ts';

export type Shell = (script: string, input?: Buffer | string) => Promise<Ended>;

/** Calls `use` with a shell in which `$DIR` is a directory that does not exist yet, and which every command takes by itself. */
export function withShell<T>(use: (shell: Shell, folder: string) => Promise<T>): Promise<T> {
  return withFolder((folder) => use((script, input) => runScript(folder, script, input), folder));
}

function runScript(folder: string, script: string, input: Buffer | string = ''): Promise<Ended> {
  const prelude = `streamctl() { "${process.execPath}" "${STREAMCTL}" "$@"; }\n`;
  const directory = `${folder}/dir`;
  const child = spawn('bash', ['-c', prelude + script], {
    cwd: folder,
    env: cleanEnvironment({ STREAMCTL_DIR: directory, DIR: directory }),
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return ended(child);
}

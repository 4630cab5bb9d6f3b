/**
 * The entry of the bundle: resolves the command, lets oclif parse and run it, prints what went wrong and answers the
 * exit status. `bin/streamctl.js` calls `main` and exits; oclif finds `commands` and `Help` here by their names.
 */

import { normalizeArguments } from './argv.ts';
import { CliError } from './cli-error.ts';
import { commandNames, commands, findCommandId } from './command-table.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { writeText } from './fd-writer.ts';
import { globalFlags } from './global-flags.ts';
import { nearest } from './nearest.ts';
import { type PackageJson, run } from './oclif.ts';

export { commands } from './command-table.ts';
export { StreamctlHelp as Help } from './help.ts';

/** `root` is the folder of the bundle and the manifest; `packageJson` the content of package.json. */
export interface Installation {
  readonly root: string;
  readonly packageJson: PackageJson;
}

export async function main(words: readonly string[], installation: Installation): Promise<ExitCode> {
  const argv = rewriteHelp(normalizeArguments(words));
  const id = findCommandId(argv);
  try {
    refuseUnknownCommand(argv, id);
    // oclif takes further words for parts of the command's name, unless the name stands in one word.
    const named = id === undefined ? argv : [id, ...argv.slice(id.split(':').length)];
    const result: unknown = await run([...named], { root: installation.root, pjson: installation.packageJson });
    return typeof result === 'number' ? result : EXIT.ok;
  } catch (error) {
    const { reportError } = await import('./error-report.ts');
    const report = reportError(error, id?.replace(':', ' ') ?? '', knownFlags(id));
    if (report.line !== undefined) await tellError(argv, id, report.line, report.exitCode, error);
    return report.exitCode;
  }
}

/** `help topics create` is `topics create --help`. */
function rewriteHelp(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

/** oclif would print the help of a topic and exit 0 for a subcommand that is not there. */
function refuseUnknownCommand(argv: readonly string[], id: string | undefined): void {
  const words = argv.slice(0, 2).filter((word) => !word.startsWith('-'));
  if (id !== undefined || words.length === 0) return;
  const isTopic = commandNames().some((name) => name.startsWith(`${words[0]} `));
  if (isTopic && words.length === 1) return;
  const called = isTopic ? words.join(' ') : (words[0] ?? '');
  const meant = nearest(called, commandNames());
  const hint = meant === undefined ? '' : `; did you mean 'streamctl ${meant}'?`;
  throw new CliError(EXIT.usage, `there is no command '${called}'${hint} (see streamctl --help)`);
}

function knownFlags(id: keyof typeof commands | undefined): string[] {
  const own = id === undefined ? {} : (commands[id].flags ?? {});
  return Object.keys({ ...globalFlags, ...own }).map((name) => `--${name}`);
}

/** On standard error; with --json also as the document on standard output, so that a script always gets one. */
async function tellError(
  argv: readonly string[],
  id: string | undefined,
  line: string,
  exitCode: ExitCode,
  error: unknown,
): Promise<void> {
  const options = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length);
  const stack = options.includes('--debug') && error instanceof Error ? `\n${error.stack}` : '';
  await writeText(2, `${line}${stack}\n`);
  if (!options.includes('--json')) return;
  const errors = [{ item: '', message: line, exitCode }];
  await writeText(1, `${JSON.stringify({ v: 1, kind: id?.replace(':', '.') ?? '', items: [], errors })}\n`);
}

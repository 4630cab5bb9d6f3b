/**
 * The entry of the bundle: resolves the command, runs it or shows help, prints what went wrong and answers the exit status.
 * `bin/streamctl.js` calls `main` and exits; `bin/build.js` makes the manifest from `commands`.
 */

import { normalizeArguments } from './argv.ts';
import { CliError } from './cli-error.ts';
import { type CommandId, commandNames, commands, findCommandId } from './command-table.ts';
import { EXIT, EXIT_CODE_MEANINGS, type ExitCode } from './exit-codes.ts';
import { globalFlags } from './global-flags.ts';
import { nearest } from './nearest.ts';
import type { PackageJson } from './oclif.ts';
import { printableJson } from './printable.ts';
import { realClock } from './real-clock.ts';
import { stdioOf, writeStderr } from './real-stdio.ts';

export { commands } from './command-table.ts';

/** `root` is the folder of the bundle and the manifest; `packageJson` the content of package.json. */
export interface Installation {
  readonly root: string;
  readonly packageJson: PackageJson;
}

export async function main(words: readonly string[], installation: Installation): Promise<ExitCode> {
  const argv = rewriteHelp(normalizeArguments(words));
  const id = findCommandId(argv);
  process.on('uncaughtException', (error) => void endOnBug(argv, id, error));
  // Else Node opens a port for its debugger, by which whoever reaches it runs what they like as this user.
  process.on('SIGUSR1', () => undefined);
  try {
    refuseUnknownCommand(argv, id);
    if (id === undefined || asksForHelp(argv)) {
      const { showHelp } = await import('./help.ts');
      const named = argv.filter((word) => !word.startsWith('-'));
      const { root, packageJson } = installation;
      const meanings = id === undefined ? EXIT_CODE_MEANINGS : commands[id].exitCodeMeanings;
      await showHelp(id === undefined ? named : [id], root, packageJson, meanings);
      return EXIT.ok;
    }
    return await commands[id].execute(argv.slice(id.split(':').length));
  } catch (error) {
    const { reportError } = await import('./error-report.ts');
    const report = reportError(error, id?.replace(':', ' ') ?? '', knownFlags(id));
    if (report.line !== undefined) await tellError(argv, id, report.line, report.exitCode, error);
    return report.exitCode;
  }
}

/** An error that nobody caught, in whatever part: nothing can be said about the state, so the process ends at once. */
async function endOnBug(argv: readonly string[], id: CommandId | undefined, error: unknown): Promise<void> {
  const text = error instanceof Error ? error.message : String(error);
  const line = `streamctl: internal error: ${text} (--debug shows where; please report it)`;
  await tellError(argv, id, line, EXIT.runtime, error).catch(() => undefined);
  process.exit(EXIT.runtime);
}

function asksForHelp(argv: readonly string[]): boolean {
  const options = beforeDashes(argv);
  return options.includes('--help') || options.includes('-h');
}

function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

/** `help topics create` is `topics create --help`. */
function rewriteHelp(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

/** Where no command is named: nothing at all, a topic quite alone and calls for help get help; the rest is wrong usage. */
function refuseUnknownCommand(argv: readonly string[], id: string | undefined): void {
  const words = argv.slice(0, 2).filter((word) => !word.startsWith('-'));
  if (id !== undefined || (asksForHelp(argv) && words.length === 0) || argv.length === 0) return;
  if (words.length === 0) throw new CliError(EXIT.usage, `a command comes before ${argv[0]} (see streamctl --help)`);
  const isTopic = commandNames().some((name) => name.startsWith(`${words[0]} `));
  if (isTopic && words.length === 1) {
    if (argv.length === 1 || asksForHelp(argv)) return;
    throw new CliError(EXIT.usage, `the words of a command come before its flags (see streamctl ${words[0]} --help)`);
  }
  const called = isTopic ? words.join(' ') : (words[0] ?? '');
  const meant = nearest(called, commandNames());
  const hint = meant === undefined ? '' : `; did you mean 'streamctl ${meant}'?`;
  throw new CliError(EXIT.usage, `there is no command '${called}'${hint} (see streamctl --help)`);
}

function knownFlags(id: CommandId | undefined): string[] {
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
  const options = beforeDashes(argv);
  const stack = options.includes('--debug') && error instanceof Error ? `\n${error.stack}` : '';
  writeStderr(`${line}${stack}\n`);
  if (!options.includes('--json')) return;
  const errors = [{ item: '', message: line, exitCode }];
  const document = { v: 1, kind: id?.replace(':', '.') ?? '', items: [], errors };
  // The exit status is the answer; where nobody can be told more, it still is.
  await stdioOf(realClock())
    .write(Buffer.from(`${printableJson(document)}\n`))
    .catch(() => undefined);
}

import { EXIT_CODE_MEANINGS, type ExitCode } from './exit-codes.ts';
import { globalFlags } from './global-flags.ts';
import type { Host } from './host.ts';
import { Command, type Config } from './oclif.ts';

/**
 * All that oclif's parser asks of its configuration. Loading the real one, which looks for plugins, themes and hooks,
 * costs a tenth of a start and would find nothing.
 */
const CONFIG = { bin: 'streamctl', runHook: async () => ({ failures: [], successes: [] }) };

/**
 * What all commands share: the global flags, and none of oclif's ways to run and end a process. A command parses, calls one
 * core and answers its exit status; `main.ts` alone prints errors and exits.
 */
export abstract class BaseCommand extends Command {
  static override baseFlags = globalFlags;
  /** What `--help` says of the exit status: status and meaning. */
  static exitCodeMeanings = EXIT_CODE_MEANINGS;

  /** Parses and runs; throws what either throws. */
  static execute(
    this: new (
      argv: string[],
      config: Config,
    ) => BaseCommand,
    argv: readonly string[],
  ): Promise<ExitCode> {
    return new this([...argv], CONFIG as unknown as Config).run();
  }

  abstract override run(): Promise<ExitCode>;

  /** The process around the command; loaded here so that usage errors and --help pay nothing for it. */
  protected async host(flags: { readonly quiet: boolean; readonly debug: boolean }): Promise<Host> {
    const { processHost } = await import('./process-host.ts');
    return processHost(flags);
  }
}

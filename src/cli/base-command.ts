import type { ExitCode } from './exit-codes.ts';
import { globalFlags } from './global-flags.ts';
import type { Host } from './host.ts';
import { Command } from './oclif.ts';

/**
 * What all commands share: the global flags, and none of oclif's ways to end a process. A command parses, calls one
 * core and answers its exit status; `main.ts` alone prints errors and exits.
 */
export abstract class BaseCommand extends Command {
  static override baseFlags = globalFlags;

  abstract override run(): Promise<ExitCode>;

  /** oclif would set the exit status and print by itself here. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }

  protected override async init(): Promise<void> {
    // oclif's own initialization only warns about deprecated names, of which there are none.
  }

  /** The process around the command; loaded here so that usage errors and --help pay nothing for it. */
  protected async host(flags: { readonly quiet: boolean; readonly debug: boolean }): Promise<Host> {
    const { processHost } = await import('./process-host.ts');
    return processHost(flags);
  }
}

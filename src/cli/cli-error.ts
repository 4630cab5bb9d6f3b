import type { ExitCode } from './exit-codes.ts';

/** An end of a command that is told to the user in one line and has an exit status of its own. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  /** `message` says what happened, to what, and what to do next. */
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/** Wrong usage: exit status 2. */
export function usageError(message: string): CliError {
  return new CliError(2, message);
}

/** `streamctl serve`: checks the addresses, starts the broker, says when clients can connect, and stops it on a signal. */
import type { NetAddress } from '../kernel/env.ts';
import { CliError, usageError } from './cli-error.ts';
import { EXIT, type ExitCode, exitCodeOfSignal } from './exit-codes.ts';
import { readTextFile } from './file-input.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { DEFAULT_KAFKA_PORT, describeAddress, parseHostPort, type ServerAddress } from './target.ts';

export interface ServeCommand {
  readonly listen: string | undefined;
  readonly advertise: string | undefined;
  readonly insecureListen: boolean;
  /** `name=value`, in order. */
  readonly assignments: readonly string[];
  readonly configFile: string | undefined;
  readonly durability: string | undefined;
  readonly readyDescriptor: number | undefined;
}

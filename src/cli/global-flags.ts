/** The flags that every command takes, and what they come to. */

import { parseDurationMs } from './duration.ts';
import { Flags } from './oclif.ts';
import { chooseTarget, type TargetChoice } from './target.ts';

export const DEFAULT_TIMEOUT = '30s';

export const globalFlags = {
  'bootstrap-server': Flags.string({
    char: 'b',
    helpGroup: 'GLOBAL',
    helpValue: 'HOST:PORT[,...]',
    description: 'talk to this Kafka cluster (or $STREAMCTL_BOOTSTRAP_SERVER)',
  }),
  dir: Flags.string({
    helpGroup: 'GLOBAL',
    helpValue: 'PATH',
    description: 'the directory that is the cluster (or $STREAMCTL_DIR, else the per-user data directory)',
  }),
  timeout: Flags.string({
    helpGroup: 'GLOBAL',
    helpValue: 'DURATION',
    description: `how long nobody may answer before giving up, such as 500ms, 10s or 2m; 0 = for ever; ${DEFAULT_TIMEOUT} if not given`,
  }),
  'allow-network-fs': Flags.boolean({
    helpGroup: 'GLOBAL',
    description: 'be the broker also of a directory on a network file system (or $STREAMCTL_ALLOW_NETWORK_FS=1)',
  }),
  quiet: Flags.boolean({ char: 'q', helpGroup: 'GLOBAL', description: 'nothing on stderr but errors' }),
  verbose: Flags.boolean({ char: 'v', helpGroup: 'GLOBAL', description: 'say more on stderr' }),
  debug: Flags.boolean({ helpGroup: 'GLOBAL', description: 'with errors, show where in the program they arose' }),
  'no-color': Flags.boolean({ helpGroup: 'GLOBAL', description: 'no colours (as $NO_COLOR)' }),
};

export const jsonFlag = {
  json: Flags.boolean({ helpGroup: 'GLOBAL', description: 'one JSON document on stdout in place of text' }),
};

/** Parsed values of globalFlags, and of jsonFlag where the command has it. */
export interface GlobalFlagValues {
  readonly 'bootstrap-server'?: string | undefined;
  readonly dir?: string | undefined;
  readonly timeout?: string | undefined;
  readonly 'allow-network-fs'?: boolean | undefined;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
  readonly 'no-color': boolean;
  readonly json?: boolean | undefined;
}

/** What the cores of the commands take for them. */
export interface CommonOptions {
  readonly target: TargetChoice;
  /** 0 = for ever. */
  readonly timeoutMs: number;
  readonly allowNetworkFs?: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
  readonly noColor: boolean;
}

/** Throws usage errors. */
export function commonOptions(
  flags: GlobalFlagValues,
  variables: Readonly<Record<string, string | undefined>>,
): CommonOptions {
  return {
    target: chooseTarget({ bootstrapServer: flags['bootstrap-server'], dir: flags.dir }, variables),
    timeoutMs: parseDurationMs(flags.timeout ?? DEFAULT_TIMEOUT, '--timeout'),
    allowNetworkFs: flags['allow-network-fs'] === true || variables['STREAMCTL_ALLOW_NETWORK_FS'] === '1',
    quiet: flags.quiet,
    verbose: flags.verbose,
    json: flags.json ?? false,
    noColor: flags['no-color'],
  };
}

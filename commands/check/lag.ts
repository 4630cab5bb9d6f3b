import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { groupTopicFlag } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class CheckLag extends BaseCommand {
  static override summary = 'Tell a monitoring system whether groups keep up.';
  static override description =
    'Ends as Nagios has it: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (also for wrong usage, and when nobody answers). More than a limit is too much. Without names all groups are checked.';
  static override exitCodeMeanings: typeof BaseCommand.exitCodeMeanings = [
    ['0', 'OK: no group is behind more than --warn and --crit say'],
    ['1', 'WARNING: more than --warn, records that went before they were read, or offsets beyond the log'],
    ['2', 'CRITICAL: more than --crit'],
    ['3', 'UNKNOWN: no such group, nothing committed, nobody answers, output refused, wrong usage'],
    ['128+N', 'ended by signal N: 130 SIGINT, 141 reader of the output gone, 143 SIGTERM'],
  ];
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive --warn 1k --crit 10k',
    '<%= config.bin %> <%= command.id %> archive --warn 5m --crit 1h',
    '<%= config.bin %> <%= command.id %> -F prometheus > lag.prom',
  ];
  static override args = {
    group: Args.string({ multiple: true, ignoreStdin: true, description: 'the groups; all of them if not given' }),
  };
  static override flags = {
    ...jsonFlag,
    ...groupTopicFlag,
    warn: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'N|DURATION',
      description: 'WARNING above this: records (500, 10k) or the age of the first one not committed (90s, 5m)',
    }),
    crit: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'N|DURATION',
      description: 'CRITICAL above this',
    }),
    report: Flags.option({ options: ['nagios', 'prometheus', 'json'] as const })({
      char: 'F',
      default: 'nagios' as const,
      description: 'how to say it',
      exclusive: ['json'],
    }),
  };

  /** Known once the command line is read; one that cannot be read may still ask for a document. */
  #form: 'nagios' | 'prometheus' | 'json' = this.argv.includes('--json') ? 'json' : 'nagios';

  override async run(): Promise<ExitCode> {
    try {
      return await this.#check();
    } catch (error) {
      const { reportError } = await import('../../src/cli/error-report.ts');
      const { printUnknown } = await import('../../src/cli/check-lag.ts');
      const names = Object.keys(CheckLag.flags).map((name) => `--${name}`);
      const { line, exitCode } = reportError(error, 'check lag', names);
      if (line === undefined) return exitCode;
      const host = await this.host({ quiet: false, debug: false });
      return printUnknown(host, this.#form, { item: '', message: line, exitCode });
    }
  }

  async #check(): Promise<ExitCode> {
    const { args, flags } = await this.parse(CheckLag);
    this.#form = flags.json ? 'json' : flags.report;
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parseThresholds, runCheckLag } = await import('../../src/cli/check-lag.ts');
    const host = await this.host(flags);
    return runCheckLag(host, commonOptions(flags, host.variables), {
      groups: args.group ?? [],
      topics: flags.topic ?? [],
      warn: parseThresholds(flags.warn ?? [], '--warn'),
      crit: parseThresholds(flags.crit ?? [], '--crit'),
      form: this.#form,
    });
  }
}

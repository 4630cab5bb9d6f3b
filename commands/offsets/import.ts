import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { consentFlags } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class OffsetsImport extends BaseCommand {
  static override summary = 'Commit the offsets of a file for groups that have no members.';
  static override description =
    'Takes what offsets export wrote, and what kafka-consumer-groups --export wrote. Groups that are not there are made.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> offsets.ndjson --dry-run',
    '<%= config.bin %> offsets export archive | <%= config.bin %> <%= command.id %> - -b other:9092 --yes',
  ];
  static override args = {
    file: Args.string({ required: true, ignoreStdin: true, description: 'the file; - is standard input' }),
  };
  static override flags = {
    ...jsonFlag,
    ...consentFlags,
    'for-group': Flags.string({
      helpValue: 'NAME',
      description: 'commit all of it for this group, whatever the lines say',
    }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(OffsetsImport);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runOffsetsImport } = await import('../../src/cli/offsets.ts');
    const host = await this.host(flags);
    return runOffsetsImport(host, commonOptions(flags, host.variables), {
      path: args.file,
      group: flags['for-group'],
      dryRun: flags['dry-run'],
      yes: flags.yes,
    });
  }
}

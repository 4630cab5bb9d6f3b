import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { consentFlags } from '../../src/cli/groups-flags.ts';
import { Args } from '../../src/cli/oclif.ts';

export default class OffsetsSet extends BaseCommand {
  static override summary = 'Commit offsets for a group that has no members.';
  static override description = 'The offset is that of the record to be read next. A group that is not there is made.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive logs:0=42 logs:1=17 --yes',
    '<%= config.bin %> <%= command.id %> archive logs:0=42 --dry-run',
  ];
  static override args = {
    group: Args.string({ required: true, ignoreStdin: true, description: 'the group' }),
    offset: Args.string({
      required: true,
      multiple: true,
      ignoreStdin: true,
      description: 'TOPIC:PARTITION=OFFSET',
    }),
  };
  static override flags = { ...jsonFlag, ...consentFlags };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(OffsetsSet);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runOffsetsSet } = await import('../../src/cli/offsets.ts');
    const host = await this.host(flags);
    return runOffsetsSet(host, commonOptions(flags, host.variables), {
      groupId: args.group,
      texts: args.offset,
      dryRun: flags['dry-run'],
      yes: flags.yes,
    });
  }
}

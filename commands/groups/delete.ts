import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { consentFlags } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class GroupsDelete extends BaseCommand {
  static override summary = 'Delete groups without members, with their offsets.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive',
    '<%= config.bin %> <%= command.id %> archive --if-exists --yes',
  ];
  static override args = {
    group: Args.string({ required: true, multiple: true, ignoreStdin: true, description: 'the groups' }),
  };
  static override flags = {
    ...jsonFlag,
    ...consentFlags,
    'if-exists': Flags.boolean({ description: 'a group that is not there is no error' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(GroupsDelete);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runGroupsDelete } = await import('../../src/cli/groups-delete.ts');
    const host = await this.host(flags);
    return runGroupsDelete(host, commonOptions(flags, host.variables), {
      groups: args.group,
      ifExists: flags['if-exists'],
      dryRun: flags['dry-run'],
      yes: flags.yes,
    });
  }
}

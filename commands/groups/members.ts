import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { Args } from '../../src/cli/oclif.ts';

export default class GroupsMembers extends BaseCommand {
  static override summary = 'Show who is in groups, and what each member reads.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive',
    "<%= config.bin %> <%= command.id %> archive --json | jq '.items[0].members'",
  ];
  static override args = {
    group: Args.string({ required: true, multiple: true, ignoreStdin: true, description: 'the groups' }),
  };
  static override flags = jsonFlag;

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(GroupsMembers);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runGroupsMembers } = await import('../../src/cli/groups.ts');
    const host = await this.host(flags);
    return runGroupsMembers(host, commonOptions(flags, host.variables), args.group);
  }
}

import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { groupTopicFlag } from '../../src/cli/groups-flags.ts';
import { Args } from '../../src/cli/oclif.ts';

export default class GroupsLag extends BaseCommand {
  static override summary = 'Show how far groups are behind, in records and in seconds.';
  static override description =
    'LAG-SECONDS is the age of the first record that is not committed. Without names all groups are shown.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive',
    "<%= config.bin %> <%= command.id %> --json | jq '.items[] | {groupId, lag, lagMs}'",
  ];
  static override args = {
    group: Args.string({ multiple: true, ignoreStdin: true, description: 'the groups; all of them if not given' }),
  };
  static override flags = { ...jsonFlag, ...groupTopicFlag };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(GroupsLag);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runGroupsLag } = await import('../../src/cli/groups-lag.ts');
    const host = await this.host(flags);
    const command = { groups: args.group ?? [], topics: flags.topic ?? [] };
    return runGroupsLag(host, commonOptions(flags, host.variables), command);
  }
}

import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { groupTopicFlag, intervalFlag } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class GroupsWait extends BaseCommand {
  static override summary = 'Wait until groups have read all there is, or are in some state.';
  static override description = 'What comes while it waits counts as well. A group that is not there ends it at once.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive --max-time 5m && echo caught up',
    '<%= config.bin %> <%= command.id %> archive --until-state Empty',
  ];
  static override args = {
    group: Args.string({ required: true, multiple: true, ignoreStdin: true, description: 'the groups' }),
  };
  static override flags = {
    ...jsonFlag,
    ...groupTopicFlag,
    ...intervalFlag('1s'),
    'until-lag': Flags.integer({
      min: 0,
      helpValue: 'N',
      description: 'until at most N records are left to be read; 0 if neither this nor --until-state is given',
    }),
    'until-state': Flags.string({ helpValue: 'STATE', description: 'until the group is Stable, Empty, ...' }),
    'max-time': Flags.string({
      default: '0',
      helpValue: 'DURATION',
      description: 'wait no longer, and exit with 124 if it was in vain; 0 = for ever',
    }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(GroupsWait);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parseDurationMs } = await import('../../src/cli/duration.ts');
    const { runGroupsWait } = await import('../../src/cli/groups-lag.ts');
    const host = await this.host(flags);
    const untilState = flags['until-state'];
    return runGroupsWait(host, commonOptions(flags, host.variables), {
      groups: args.group,
      topics: flags.topic ?? [],
      untilState,
      untilLag: flags['until-lag'] ?? (untilState === undefined ? 0 : undefined),
      intervalMs: parseDurationMs(flags.interval, '--interval'),
      maxTimeMs: parseDurationMs(flags['max-time'], '--max-time'),
    });
  }
}

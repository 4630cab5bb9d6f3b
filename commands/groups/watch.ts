import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { groupTopicFlag, intervalFlag } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class GroupsWatch extends BaseCommand {
  static override summary = 'Show the lag of groups again and again.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive',
    '<%= config.bin %> <%= command.id %> archive --interval 10s --json >> lag.ndjson',
  ];
  static override args = {
    group: Args.string({ required: true, multiple: true, ignoreStdin: true, description: 'the groups' }),
  };
  static override flags = {
    ...jsonFlag,
    ...groupTopicFlag,
    ...intervalFlag('2s'),
    count: Flags.integer({ char: 'c', min: 1, helpValue: 'N', description: 'stop after N looks' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(GroupsWatch);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parseDurationMs } = await import('../../src/cli/duration.ts');
    const { runGroupsWatch } = await import('../../src/cli/groups-lag.ts');
    const host = await this.host(flags);
    return runGroupsWatch(host, commonOptions(flags, host.variables), {
      groups: args.group,
      topics: flags.topic ?? [],
      intervalMs: parseDurationMs(flags.interval, '--interval'),
      count: flags.count,
    });
  }
}

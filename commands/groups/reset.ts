import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { placeFlag } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class GroupsReset extends BaseCommand {
  static override summary = 'Move the offsets of a group that has no members.';
  static override description =
    'Shows what would be done; --execute does it. Without --topic all offsets that the group has committed are moved. What is not in a log goes to the nearest end of it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive --to earliest',
    '<%= config.bin %> <%= command.id %> archive --to @2026-01-31T18:00:00Z --execute',
    '<%= config.bin %> <%= command.id %> archive --by -100 --topic logs:0,3 --execute',
    '<%= config.bin %> <%= command.id %> archive --to file:offsets.ndjson --execute',
  ];
  static override args = {
    group: Args.string({ required: true, ignoreStdin: true, description: 'the group' }),
  };
  static override flags = {
    ...jsonFlag,
    ...placeFlag,
    to: Flags.string({
      helpValue: 'WHERE',
      description:
        'earliest, latest, current, offset N, -N (the last N), +N (behind the first N), @TIME, group:NAME (where that group is) or file:F (what offsets export wrote)',
    }),
    by: Flags.string({
      helpValue: 'N|DURATION',
      description: 'N records on, -N back; or to where the log was a DURATION ago (2h)',
    }),
    execute: Flags.boolean({ description: 'do it', exclusive: ['dry-run'] }),
    'dry-run': Flags.boolean({ description: 'only show it (as without --execute)' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(GroupsReset);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parsePlaces } = await import('../../src/cli/offsets-places.ts');
    const { parseGoal, runGroupsReset } = await import('../../src/cli/groups-reset.ts');
    const host = await this.host(flags);
    return runGroupsReset(host, commonOptions(flags, host.variables), {
      groupId: args.group,
      goal: parseGoal(flags.to, flags.by, host.env.clock.wallMs()),
      places: parsePlaces(flags.topic ?? [], '--topic'),
      execute: flags.execute,
    });
  }
}

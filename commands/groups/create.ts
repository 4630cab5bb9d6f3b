import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { placeFlag } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class GroupsCreate extends BaseCommand {
  static override summary = 'Make a group that begins somewhere.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive --topic logs --to latest',
    '<%= config.bin %> <%= command.id %> archive --topic logs --to @2h --if-not-exists',
  ];
  static override args = {
    group: Args.string({ required: true, ignoreStdin: true, description: 'its name' }),
  };
  static override flags = {
    ...jsonFlag,
    ...placeFlag,
    to: Flags.string({
      default: 'earliest',
      helpValue: 'WHERE',
      description: 'earliest, latest, offset N, -N, +N, @TIME, group:NAME or file:F, as in groups reset',
    }),
    'if-not-exists': Flags.boolean({ description: 'a group that is there already is no error' }),
    'dry-run': Flags.boolean({ description: 'show what would be done, and do nothing' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(GroupsCreate);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parsePlaces } = await import('../../src/cli/offsets-places.ts');
    const { parseGoal, runGroupsCreate } = await import('../../src/cli/groups-reset.ts');
    const host = await this.host(flags);
    return runGroupsCreate(host, commonOptions(flags, host.variables), {
      groupId: args.group,
      goal: parseGoal(flags.to, undefined, host.env.clock.wallMs()),
      places: parsePlaces(flags.topic ?? [], '--topic'),
      ifNotExists: flags['if-not-exists'],
      dryRun: flags['dry-run'],
    });
  }
}

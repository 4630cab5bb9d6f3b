import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { consentFlags, placeFlag } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class GroupsClone extends BaseCommand {
  static override summary = 'Make a group that is where another one is.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive archive-test',
    '<%= config.bin %> <%= command.id %> archive archive-test --overwrite --yes',
  ];
  static override args = {
    from: Args.string({ required: true, ignoreStdin: true, description: 'the group whose offsets are copied' }),
    to: Args.string({ required: true, ignoreStdin: true, description: 'the new group' }),
  };
  static override flags = {
    ...jsonFlag,
    ...placeFlag,
    ...consentFlags,
    overwrite: Flags.boolean({ description: 'also when the second group is there: its offsets are moved' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(GroupsClone);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parsePlaces } = await import('../../src/cli/offsets-places.ts');
    const { runGroupsClone } = await import('../../src/cli/groups-reset.ts');
    const host = await this.host(flags);
    return runGroupsClone(host, commonOptions(flags, host.variables), {
      from: args.from,
      to: args.to,
      places: parsePlaces(flags.topic ?? [], '--topic'),
      overwrite: flags.overwrite,
      dryRun: flags['dry-run'],
      yes: flags.yes,
    });
  }
}

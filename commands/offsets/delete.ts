import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { consentFlags, placeFlag } from '../../src/cli/groups-flags.ts';
import { Args } from '../../src/cli/oclif.ts';

export default class OffsetsDelete extends BaseCommand {
  static override summary = 'Take the offsets of topics away from a group.';
  static override description = 'Of topics to which no member of the group subscribes.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive --topic old-logs --yes',
    '<%= config.bin %> <%= command.id %> archive --topic logs:0,3 --dry-run',
  ];
  static override args = {
    group: Args.string({ required: true, ignoreStdin: true, description: 'the group' }),
  };
  static override flags = { ...jsonFlag, ...placeFlag, ...consentFlags };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(OffsetsDelete);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parsePlaces } = await import('../../src/cli/offsets-places.ts');
    const { runOffsetsDelete } = await import('../../src/cli/offsets.ts');
    const host = await this.host(flags);
    return runOffsetsDelete(host, commonOptions(flags, host.variables), {
      groupId: args.group,
      places: parsePlaces(flags.topic ?? [], '--topic'),
      dryRun: flags['dry-run'],
      yes: flags.yes,
    });
  }
}

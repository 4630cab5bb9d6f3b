import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { placeFlag } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class OffsetsGet extends BaseCommand {
  static override summary = 'Print the offsets that a group has committed, or those of a time.';
  static override description = 'One line of JSON a partition.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive',
    '<%= config.bin %> <%= command.id %> --topic logs --at @2h',
  ];
  static override args = {
    group: Args.string({ ignoreStdin: true, description: 'the group' }),
  };
  static override flags = {
    ...jsonFlag,
    ...placeFlag,
    at: Flags.string({
      helpValue: 'WHERE',
      description: 'of no group, but in the logs of --topic: earliest, latest, -N, +N or @TIME; latest if not given',
    }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(OffsetsGet);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { usageError } = await import('../../src/cli/cli-error.ts');
    const { parseOffsetSpec } = await import('../../src/cli/offset-spec.ts');
    const { parsePlaces } = await import('../../src/cli/offsets-places.ts');
    const { runOffsetsAt, runOffsetsExport } = await import('../../src/cli/offsets.ts');
    const host = await this.host(flags);
    const common = commonOptions(flags, host.variables);
    const places = parsePlaces(flags.topic ?? [], '--topic');
    if (args.group !== undefined) {
      if (flags.at !== undefined) throw usageError('--at asks the logs themselves; give it without a group');
      return runOffsetsExport(host, common, 'offsets.get', { groups: [args.group], places });
    }
    const at = parseOffsetSpec(flags.at ?? 'latest', host.env.clock.wallMs(), '--at');
    return runOffsetsAt(host, common, { places, at });
  }
}

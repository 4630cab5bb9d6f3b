import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { placeFlag } from '../../src/cli/groups-flags.ts';
import { Args } from '../../src/cli/oclif.ts';

export default class OffsetsExport extends BaseCommand {
  static override summary = 'Print the committed offsets of groups, for offsets import.';
  static override description = 'One line of JSON a partition. Without names all groups are printed.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> > offsets.ndjson',
    '<%= config.bin %> <%= command.id %> archive --topic logs',
  ];
  static override args = {
    group: Args.string({ multiple: true, ignoreStdin: true, description: 'the groups; all of them if not given' }),
  };
  static override flags = { ...jsonFlag, ...placeFlag };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(OffsetsExport);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parsePlaces } = await import('../../src/cli/offsets-places.ts');
    const { runOffsetsExport } = await import('../../src/cli/offsets.ts');
    const host = await this.host(flags);
    return runOffsetsExport(host, commonOptions(flags, host.variables), 'offsets.export', {
      groups: args.group ?? [],
      places: parsePlaces(flags.topic ?? [], '--topic'),
    });
  }
}

import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { placeFlag } from '../../src/cli/groups-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class GroupsPeek extends BaseCommand {
  static override summary = 'Print what a group reads next, without being in it.';
  static override description = 'Nothing is committed. Partitions that the group has read to their end give nothing.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> archive',
    "<%= config.bin %> <%= command.id %> archive -c 3 -f '%t %p %o %s\\n'",
  ];
  static override args = {
    group: Args.string({ required: true, ignoreStdin: true, description: 'the group' }),
  };
  static override flags = {
    ...jsonFlag,
    ...placeFlag,
    count: Flags.integer({
      char: 'c',
      min: 1,
      max: 10_000,
      default: 1,
      helpValue: 'N',
      description: 'so many of each partition',
    }),
    format: Flags.string({
      char: 'f',
      helpValue: 'FORMAT',
      description: 'as in consume: %s value %k key %t topic %p partition %o offset ...',
      exclusive: ['json-lines', 'json'],
    }),
    'json-lines': Flags.boolean({ char: 'J', description: 'each record as one line of JSON', exclusive: ['json'] }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(GroupsPeek);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parsePlaces } = await import('../../src/cli/offsets-places.ts');
    const { runGroupsPeek } = await import('../../src/cli/groups-peek.ts');
    const host = await this.host(flags);
    return runGroupsPeek(host, commonOptions(flags, host.variables), {
      groupId: args.group,
      places: parsePlaces(flags.topic ?? [], '--topic'),
      count: flags.count,
      sink: await recordSink(flags.format, flags['json-lines']),
    });
  }
}

async function recordSink(format: string | undefined, json: boolean) {
  if (json) return (await import('../../src/cli/record-json.ts')).recordJson;
  if (format === undefined) return undefined;
  return (await import('../../src/cli/record-format.ts')).recordFormat(format);
}

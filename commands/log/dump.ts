import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class LogDump extends BaseCommand {
  static override summary = 'Show what stands in the files of a log.';
  static override description =
    "PATH is a directory of streamctl's, a log directory of a real Kafka, a partition, or one file: of a .log each batch is shown, of .index, .timeindex, .snapshot and leader-epoch-checkpoint each entry. Writes nothing.";
  static override examples = [
    '<%= config.bin %> <%= command.id %> /var/lib/kafka/data/events-0/00000000000000000000.log',
    '<%= config.bin %> <%= command.id %> /var/lib/kafka/data/events-0 --records',
    '<%= config.bin %> <%= command.id %> --json | jq -r .codec | sort | uniq -c',
  ];
  static override args = {
    path: Args.string({ description: 'a directory or file; --dir where left out', ignoreStdin: true }),
  };
  static override flags = {
    ...jsonFlag,
    records: Flags.boolean({ description: 'show the records too, one line of JSON each' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(LogDump);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { logPathOf } = await import('../../src/cli/log-tree.ts');
    const { runLogDump } = await import('../../src/cli/log-dump.ts');
    const host = await this.host(flags);
    const common = commonOptions(flags, host.variables);
    return runLogDump(host, common, { path: logPathOf(args.path, common.target), records: flags.records });
  }
}

import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class LogStats extends BaseCommand {
  static override summary = 'Count what the segments of each partition hold.';
  static override description =
    "PATH is a directory of streamctl's, a log directory of a real Kafka, a partition, or a .log file. Every batch is looked at. Writes nothing.";
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> /var/lib/kafka/data --deep',
  ];
  static override args = {
    path: Args.string({ description: 'a directory or file; --dir where left out', ignoreStdin: true }),
  };
  static override flags = {
    ...jsonFlag,
    deep: Flags.boolean({ description: 'decompress compressed batches, for the ratio' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(LogStats);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { logPathOf } = await import('../../src/cli/log-tree.ts');
    const { runLogStats } = await import('../../src/cli/log-stats.ts');
    const host = await this.host(flags);
    const common = commonOptions(flags, host.variables);
    return runLogStats(host, common, { path: logPathOf(args.path, common.target), deep: flags.deep });
  }
}

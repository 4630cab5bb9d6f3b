import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class LogIndexRebuild extends BaseCommand {
  static override summary = 'Build index files anew from the batches.';
  static override description =
    "PATH is a directory of streamctl's, a log directory of a real Kafka, a partition, or a .log file. No broker may be at work there. Files that are right stay as they are; a .log that is damaged keeps its indexes.";
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> /var/lib/kafka/data --force',
  ];
  static override args = {
    path: Args.string({ description: 'a directory or .log file; --dir where left out', ignoreStdin: true }),
  };
  static override flags = {
    ...jsonFlag,
    'index-interval-bytes': Flags.integer({
      min: 0,
      max: 2 ** 31 - 1,
      default: 4096,
      helpValue: 'BYTES',
      description: "the topic's index.interval.bytes",
    }),
    force: Flags.boolean({ description: "touch a real Kafka's directory although its .lock file is there" }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(LogIndexRebuild);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { logPathOf } = await import('../../src/cli/log-tree.ts');
    const { runLogIndexRebuild } = await import('../../src/cli/log-index-rebuild.ts');
    const host = await this.host(flags);
    const common = commonOptions(flags, host.variables);
    return runLogIndexRebuild(host, common, {
      path: logPathOf(args.path, common.target),
      indexIntervalBytes: flags['index-interval-bytes'],
      force: flags.force,
    });
  }
}

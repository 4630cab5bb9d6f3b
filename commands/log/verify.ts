import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class LogVerify extends BaseCommand {
  static override summary = 'Check files of a log, byte for byte.';
  static override description =
    "PATH is a directory of streamctl's, a log directory of a real Kafka, a partition in one, or a file; --dir's where left out. Prints one line a finding and exits 9 when something is damaged, contradicts another file, or is to be made anew. 'unchecked' says what nothing there can tell: of a real Kafka's directory that is meta.properties, the checkpoints and the base offsets and epochs of batches where another order would do as well. A directory of streamctl's that was closed cleanly has digests of every byte. Writes nothing.";
  static override examples = [
    '<%= config.bin %> <%= command.id %> --dir /var/lib/streamctl',
    '<%= config.bin %> <%= command.id %> /var/lib/kafka/data --json',
    '<%= config.bin %> <%= command.id %> /var/lib/kafka/data/events-0/00000000000000000000.log --deep',
  ];
  static override args = {
    path: Args.string({ description: 'a directory or file; --dir where left out', ignoreStdin: true }),
  };
  static override flags = {
    ...jsonFlag,
    deep: Flags.boolean({ description: 'decompress compressed batches too, and walk their records' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(LogVerify);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { logPathOf } = await import('../../src/cli/log-tree.ts');
    const { runLogVerify } = await import('../../src/cli/log-verify.ts');
    const host = await this.host(flags);
    const common = commonOptions(flags, host.variables);
    return runLogVerify(host, common, { path: logPathOf(args.path, common.target), deep: flags.deep });
  }
}

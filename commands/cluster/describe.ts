import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';

export default class ClusterDescribe extends BaseCommand {
  static override summary = 'Show the cluster, its controller and its brokers.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> -b kafka:9092 --json',
  ];
  static override flags = jsonFlag;

  override async run(): Promise<ExitCode> {
    const { flags } = await this.parse(ClusterDescribe);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runClusterDescribe } = await import('../../src/cli/cluster.ts');
    const host = await this.host(flags);
    return runClusterDescribe(host, commonOptions(flags, host.variables));
  }
}

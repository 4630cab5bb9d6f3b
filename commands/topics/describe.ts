import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { Args } from '../../src/cli/oclif.ts';

export default class TopicsDescribe extends BaseCommand {
  static override summary = 'Show the partitions and configs of topics.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> logs',
    "<%= config.bin %> <%= command.id %> logs --json | jq '.items[0].configs'",
  ];
  static override args = {
    name: Args.string({ required: true, multiple: true, ignoreStdin: true, description: 'the topics' }),
  };
  static override flags = jsonFlag;

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(TopicsDescribe);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runTopicsDescribe } = await import('../../src/cli/topics.ts');
    const host = await this.host(flags);
    return runTopicsDescribe(host, commonOptions(flags, host.variables), args.name);
  }
}

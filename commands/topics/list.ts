import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';

export default class TopicsList extends BaseCommand {
  static override summary = 'List the topics.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    "<%= config.bin %> <%= command.id %> --json | jq -r '.items[].name'",
  ];
  static override flags = jsonFlag;

  override async run(): Promise<ExitCode> {
    const { flags } = await this.parse(TopicsList);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runTopicsList } = await import('../../src/cli/topics.ts');
    const host = await this.host(flags);
    return runTopicsList(host, commonOptions(flags, host.variables));
  }
}

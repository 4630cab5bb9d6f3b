import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class TopicsDelete extends BaseCommand {
  static override summary = 'Delete topics with all their records.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> logs',
    '<%= config.bin %> <%= command.id %> logs --if-exists',
  ];
  static override args = {
    name: Args.string({ required: true, multiple: true, ignoreStdin: true, description: 'the topics' }),
  };
  static override flags = {
    ...jsonFlag,
    'if-exists': Flags.boolean({ description: 'a topic that is not there is no error' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(TopicsDelete);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runTopicsDelete } = await import('../../src/cli/topics.ts');
    const host = await this.host(flags);
    return runTopicsDelete(host, commonOptions(flags, host.variables), args.name, flags['if-exists']);
  }
}

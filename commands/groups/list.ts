import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { Flags } from '../../src/cli/oclif.ts';

export default class GroupsList extends BaseCommand {
  static override summary = 'List the consumer groups.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --state Empty --state Dead',
    "<%= config.bin %> <%= command.id %> --json | jq -r '.items[].groupId'",
  ];
  static override flags = {
    ...jsonFlag,
    state: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'STATE',
      description: 'only groups in this state: Stable, Empty, PreparingRebalance, Assigning, ... (repeatable)',
    }),
    type: Flags.option({ options: ['classic', 'consumer'] as const, multiple: true })({
      multipleNonGreedy: true,
      description: 'only groups of this type (repeatable)',
    }),
  };

  override async run(): Promise<ExitCode> {
    const { flags } = await this.parse(GroupsList);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { runGroupsList } = await import('../../src/cli/groups.ts');
    const host = await this.host(flags);
    return runGroupsList(host, commonOptions(flags, host.variables), {
      states: flags.state ?? [],
      types: flags.type ?? [],
    });
  }
}

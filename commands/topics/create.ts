import { BaseCommand } from '../../src/cli/base-command.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { jsonFlag } from '../../src/cli/global-flags.ts';
import { Args, Flags } from '../../src/cli/oclif.ts';

export default class TopicsCreate extends BaseCommand {
  static override summary = 'Make a topic, and the directory if it is not there.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> logs',
    '<%= config.bin %> <%= command.id %> logs --partitions 4 --config segment.bytes=67108864',
    '<%= config.bin %> <%= command.id %> logs --if-not-exists',
  ];
  static override args = {
    name: Args.string({ required: true, ignoreStdin: true, description: 'letters, digits, dot, dash and underscore' }),
  };
  static override flags = {
    ...jsonFlag,
    partitions: Flags.integer({ min: 1, helpValue: 'N', description: "how many; the cluster's default if not given" }),
    'replication-factor': Flags.integer({
      min: 1,
      helpValue: 'N',
      description: "copies of each partition; the cluster's default if not given",
    }),
    config: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME=VALUE',
      description: 'a config of the topic (repeatable); retention.ms=-1 keeps records for ever, the default is 7 days',
    }),
    'if-not-exists': Flags.boolean({ description: 'a topic that is there already is no error' }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(TopicsCreate);
    const { commonOptions } = await import('../../src/cli/global-flags.ts');
    const { parseConfigs, runTopicsCreate } = await import('../../src/cli/topics.ts');
    const configs = parseConfigs(flags.config ?? [], '--config');
    const host = await this.host(flags);
    return runTopicsCreate(host, commonOptions(flags, host.variables), {
      name: args.name,
      partitions: flags.partitions ?? -1,
      replicationFactor: flags['replication-factor'] ?? -1,
      configs,
      ifNotExists: flags['if-not-exists'],
    });
  }
}

import { BaseCommand } from '../src/cli/base-command.ts';
import type { ExitCode } from '../src/cli/exit-codes.ts';
import { Args, Flags } from '../src/cli/oclif.ts';

const ACKS = { all: -1, '1': 1, '0': 0 } as const;
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export default class Produce extends BaseCommand {
  static override summary = 'Send lines to a topic, each line a record.';
  static override description =
    'Reads standard input, or the files one after the other, and ends when all of it is acknowledged. With --dir (the default) the topic lives in a directory: no server is needed, and one that serves the directory is found and used.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> logs --create < app.log',
    'tail -F app.log | <%= config.bin %> <%= command.id %> logs',
    '<%= config.bin %> <%= command.id %> users -K : users.txt',
    'find . -print0 | <%= config.bin %> <%= command.id %> files -0 -z zstd',
    '<%= config.bin %> <%= command.id %> -b kafka:9092 logs app.log',
  ];
  static override args = {
    topic: Args.string({ required: true, ignoreStdin: true, description: 'where the records go' }),
    file: Args.string({ multiple: true, ignoreStdin: true, description: 'read these in turn; - is standard input' }),
  };
  static override flags = {
    'key-delimiter': Flags.string({
      char: 'K',
      helpValue: 'TEXT',
      description: 'what stands between key and value in each line (escapes \\t \\0 \\xHH)',
    }),
    delimiter: Flags.string({
      char: 'D',
      helpValue: 'TEXT',
      description: 'what ends a record in place of a newline (escapes \\n \\r \\t \\0 \\xHH)',
      exclusive: ['null'],
    }),
    null: Flags.boolean({ description: 'records end with a NUL byte; also written -0' }),
    partition: Flags.integer({ char: 'p', min: 0, helpValue: 'N', description: 'send all records to this partition' }),
    compression: Flags.option({ options: CODECS })({ char: 'z', default: 'none', description: 'compress the batches' }),
    create: Flags.string({
      helpValue: 'PARTITIONS]',
      helpLabel: '    --create[',
      description: 'make the topic, and the directory, if it is not there; with one partition unless a number is given',
    }),
    acks: Flags.option({ options: ['all', '1', '0'] as const })({
      default: 'all',
      description: 'all: stored durably, nothing twice; 1: taken by the leader; 0: only sent',
    }),
    receipts: Flags.integer({
      min: 1,
      helpValue: 'FD',
      description: 'write {"lines":N,"bytes":B} to this descriptor: the first N lines, B bytes of input, are all acked',
    }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(Produce);
    const { commonOptions } = await import('../src/cli/global-flags.ts');
    const { parseDelimiter } = await import('../src/cli/escapes.ts');
    const { parsePartitionCount, runProduce } = await import('../src/cli/produce.ts');
    const host = await this.host(flags);
    return runProduce(host, commonOptions(flags, host.variables), {
      topic: args.topic,
      files: args.file ?? [],
      delimiter: flags.null ? Buffer.from([0]) : parseDelimiter(flags.delimiter ?? '\\n', '--delimiter'),
      keyDelimiter:
        flags['key-delimiter'] === undefined ? undefined : parseDelimiter(flags['key-delimiter'], '--key-delimiter'),
      partition: flags.partition,
      codec: flags.compression,
      acks: ACKS[flags.acks],
      createPartitions: flags.create === undefined ? undefined : parsePartitionCount(flags.create, '--create'),
      receipts: flags.receipts,
    });
  }
}

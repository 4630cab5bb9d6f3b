import { BaseCommand } from '../src/cli/base-command.ts';
import type { ExitCode } from '../src/cli/exit-codes.ts';
import { Args, Flags } from '../src/cli/oclif.ts';

export default class Consume extends BaseCommand {
  static override summary = 'Print the records of topics, then go on with what comes.';
  static override description =
    'Each value is written to standard output and followed by a newline, or as --format says. Without --exit-at-end the command waits for more. In a group, reading goes on where the group is, and --offset counts only where it has not been yet; what standard output has accepted is committed, each second and at the end.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> logs --exit-at-end',
    '<%= config.bin %> <%= command.id %> logs -o -10',
    '<%= config.bin %> <%= command.id %> logs -o @15m -e',
    '<%= config.bin %> <%= command.id %> logs -o @2026-01-31..@2026-02-01',
    "<%= config.bin %> <%= command.id %> logs -f '%T %k %s\\n'",
    '<%= config.bin %> <%= command.id %> logs -e -J | jq .payload',
    '<%= config.bin %> <%= command.id %> files -e -0 | xargs -0 ls -l',
    '<%= config.bin %> <%= command.id %> logs -g archive -e >> logs.txt',
  ];
  static override args = {
    topic: Args.string({ required: true, multiple: true, ignoreStdin: true, description: 'what to read' }),
  };
  static override flags = {
    offset: Flags.string({
      char: 'o',
      default: 'earliest',
      helpValue: 'WHERE',
      description:
        'begin at earliest, latest, offset N, -N (the last N of each partition), +N (behind the first N) or @TIME (2026-01-31T18:00:00Z, @15m ago); A..B ends before B',
    }),
    count: Flags.integer({ char: 'c', min: 1, helpValue: 'N', description: 'stop after N records' }),
    'exit-at-end': Flags.boolean({ char: 'e', description: 'stop where the topics ended when the command began' }),
    partition: Flags.integer({
      char: 'p',
      min: 0,
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'N',
      description: 'read only this partition (repeatable)',
    }),
    format: Flags.string({
      char: 'f',
      helpValue: 'FORMAT',
      description:
        '%s value %k key %t topic %p partition %o offset %T timestamp %h headers %S %K lengths %R binary length %%',
      exclusive: ['json-lines', 'delimiter', 'null'],
    }),
    'json-lines': Flags.boolean({
      char: 'J',
      description: 'each record as one line of JSON',
      exclusive: ['delimiter', 'null'],
    }),
    delimiter: Flags.string({
      char: 'D',
      helpValue: 'TEXT',
      description: 'what follows each value in place of a newline (escapes \\n \\r \\t \\0 \\xHH)',
      exclusive: ['null'],
    }),
    null: Flags.boolean({ description: 'a NUL byte follows each value; also written -0' }),
    group: Flags.string({
      char: 'g',
      helpValue: 'NAME',
      description: 'read as a member of this group: share its partitions, go on behind what is committed',
      exclusive: ['partition'],
    }),
    'group-protocol': Flags.option({ options: ['classic', 'consumer'] as const })({
      description: "how members agree (default: as the group's members do, else consumer where the broker offers it)",
      dependsOn: ['group'],
    }),
    'group-instance-id': Flags.string({
      helpValue: 'ID',
      description: 'be a static member: come back under this name within a session, and the partitions are still there',
      dependsOn: ['group'],
    }),
    fsync: Flags.boolean({
      description: 'commit what is on the disk: sync standard output before each commit',
      dependsOn: ['group'],
    }),
    'on-gap': Flags.option({ options: ['fail', 'earliest', 'latest'] as const })({
      default: 'fail',
      description: 'where to go on when the log does not hold the next offset any more',
    }),
    'isolation-level': Flags.option({ options: ['read_committed', 'read_uncommitted'] as const })({
      default: 'read_committed',
      description: 'whether records of transactions are read only once those are committed',
    }),
  };

  override async run(): Promise<ExitCode> {
    const { args, flags } = await this.parse(Consume);
    const { commonOptions } = await import('../src/cli/global-flags.ts');
    const { parseDelimiter } = await import('../src/cli/escapes.ts');
    const { parseOffsetRange } = await import('../src/cli/offset-spec.ts');
    const { runConsume } = await import('../src/cli/consume.ts');
    const host = await this.host(flags);
    if (flags.group !== undefined) {
      const { checkGroupNames } = await import('../src/cli/groups-admin.ts');
      checkGroupNames([flags.group]);
    }
    return runConsume(host, commonOptions(flags, host.variables), {
      topics: args.topic,
      partitions: flags.partition,
      ...parseOffsetRange(flags.offset, host.env.clock.wallMs(), '--offset'),
      maxRecords: flags.count,
      exitAtEnd: flags['exit-at-end'],
      isolation: flags['isolation-level'],
      delimiter: flags.null ? Buffer.from([0]) : parseDelimiter(flags.delimiter ?? '\\n', '--delimiter'),
      sink: await recordSink(flags.format, flags['json-lines']),
      onGap: flags['on-gap'],
      group:
        flags.group === undefined
          ? undefined
          : {
              groupId: flags.group,
              protocol: flags['group-protocol'],
              instanceId: flags['group-instance-id'],
              fsync: flags.fsync,
            },
    });
  }
}

/** undefined for the plain form, value + delimiter. */
async function recordSink(format: string | undefined, json: boolean) {
  if (json) return (await import('../src/cli/record-json.ts')).recordJson;
  if (format === undefined) return undefined;
  return (await import('../src/cli/record-format.ts')).recordFormat(format);
}

/** `streamctl consume`: wires the output, signals and the watch on the output's reader to the consumer. */
import {
  type ConsumeOptions,
  type ConsumeOutput,
  type ConsumeSummary,
  consume,
  type OffsetSpec,
} from '../client/consumer.ts';
import type { GroupOptions, GroupProtocol } from '../client/group-consumer.ts';
import type { RecordSink, RecordText } from '../client/record-view.ts';
import type { Transport } from '../client/transport.ts';
import { EXIT, type ExitCode, exitCodeOfSignal } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { listenForInterruption } from './interrupt.ts';
import { openTarget } from './target.ts';

export interface ConsumeCommand {
  readonly topics: readonly string[];
  readonly partitions: readonly number[] | undefined;
  readonly start: OffsetSpec;
  /** Exclusive; without it the end is not bounded. */
  readonly until?: OffsetSpec | undefined;
  readonly maxRecords: number | undefined;
  readonly exitAtEnd: boolean;
  readonly isolation: ConsumeOptions['isolation'];
  readonly delimiter: Uint8Array;
  /** Formats records in place of value + delimiter. */
  readonly sink: ((out: RecordText) => RecordSink) | undefined;
  readonly onGap?: ConsumeOptions['onGap'];
  readonly group?: GroupChoice | undefined;
}

export interface GroupChoice {
  readonly groupId: string;
  readonly protocol: GroupProtocol | undefined;
  readonly instanceId: string | undefined;
  /** Whether a commit waits until what was written is on the disk. */
  readonly fsync: boolean;
}

/** Throws CliError and ClientError. */
export async function runConsume(host: Host, common: CommonOptions, command: ConsumeCommand): Promise<ExitCode> {
  const interruption = listenForInterruption(host);
  // Only a run that may wait for records can miss that its reader has gone; the others find out as they write.
  const mayWait = !command.exitAtEnd || command.group !== undefined;
  const reader = !mayWait ? undefined : host.watchReader(() => interruption.stop(exitCodeOfSignal('SIGPIPE')));
  try {
    const target = await openTarget(host, common, { command: 'consume', createDirectory: false });
    interruption.begin(() => target.close());
    try {
      const output: ConsumeOutput = {
        write: (bytes) => {
          interruption.commit();
          return host.stdio.write(bytes);
        },
      };
      const options = consumerOptions(host, common, command, interruption.signal);
      const read = (): Promise<ConsumeSummary> =>
        command.group === undefined
          ? consume(host.env, target.transport, options, output)
          : readInGroup(host, target.transport, options, output, {
              ...command.group,
              isByDirectory: common.target.kind === 'directory',
              beforeJoin: () => interruption.commit(),
            });
      const summary = await interruption.abandonable(read);
      if (summary === undefined) return interruption.exitCode ?? EXIT.runtime;
      if (common.verbose && !common.quiet)
        host.stdio.note(`${summary.records} records, ${summary.bytes} bytes written`);
      return summary.interrupted ? (interruption.exitCode ?? EXIT.runtime) : EXIT.ok;
    } finally {
      await target.close();
    }
  } finally {
    reader?.close();
    interruption.close();
  }
}

/** Loaded for a group alone: readers without one start sooner. */
async function readInGroup(
  host: Host,
  transport: Transport,
  options: ConsumeOptions,
  output: ConsumeOutput,
  { fsync, ...group }: GroupChoice & Pick<GroupOptions, 'isByDirectory' | 'beforeJoin'>,
): Promise<ConsumeSummary> {
  const { consumeInGroup } = await import('../client/group-consumer.ts');
  const sync = fsync ? { sync: () => host.syncOutput() } : {};
  return await consumeInGroup(host.env, transport, options, { ...group, ...sync }, output);
}

function consumerOptions(
  host: Host,
  common: CommonOptions,
  command: ConsumeCommand,
  signal: AbortSignal,
): ConsumeOptions {
  return {
    topics: command.topics,
    ...(command.partitions === undefined ? {} : { partitions: command.partitions }),
    start: command.start,
    ...(command.until === undefined ? {} : { until: command.until }),
    ...(command.maxRecords === undefined ? {} : { maxRecords: command.maxRecords }),
    exitAtEnd: command.exitAtEnd,
    isolation: command.isolation,
    delimiter: command.delimiter,
    ...(command.sink === undefined ? {} : { sink: command.sink }),
    ...(command.onGap === undefined ? {} : { onGap: command.onGap }),
    note: (text) => {
      if (!common.quiet) host.stdio.note(`streamctl consume: ${text}`);
    },
    timeoutMs: common.timeoutMs,
    signal,
  };
}

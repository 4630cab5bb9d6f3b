/** `streamctl produce`: wires inputs, receipts, progress and signals to the line producer. */
import { createTopic, describeTopics } from '../client/admin.ts';
import { ClientError, ProduceError } from '../client/client-error.ts';
import {
  type LineInput,
  type ProduceHooks,
  type ProduceOptions,
  type ProduceSummary,
  produceLines,
} from '../client/line-producer.ts';
import type { Transport } from '../client/transport.ts';
import { CliError, usageError } from './cli-error.ts';
import { describeDurationMs } from './duration.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { type Interruption, listenForInterruption } from './interrupt.ts';
import { showProgress } from './progress.ts';
import { openReceipts } from './receipts.ts';
import { describeTarget, openTarget } from './target.ts';

export interface ProduceCommand {
  readonly topic: string;
  /** Paths, `-` for standard input; none means standard input. */
  readonly files: readonly string[];
  readonly delimiter: Uint8Array;
  readonly keyDelimiter: Uint8Array | undefined;
  readonly partition: number | undefined;
  readonly codec: ProduceOptions['codec'];
  readonly acks: -1 | 0 | 1;
  /** Partitions of the topic if it must be made; undefined: it must be there. */
  readonly createPartitions: number | undefined;
  /** Descriptor for receipts. */
  readonly receipts: number | undefined;
}

/** Throws CliError and ClientError; what was acked is told on standard error first. */
export async function runProduce(host: Host, common: CommonOptions, command: ProduceCommand): Promise<ExitCode> {
  const files = command.files.length === 0 ? ['-'] : command.files;
  for (const file of files) await host.checkInput(file);
  await checkCodec(command.codec);
  const receipts = command.receipts === undefined ? undefined : openReceipts(host, command.receipts);
  if (files.includes('-') && host.isTerminal(0) && !common.quiet) {
    host.stdio.note('reading lines from the terminal; end with Ctrl-D');
  }
  const interruption = listenForInterruption(host);
  const progress = common.quiet ? undefined : showProgress(host);
  const closeReceipts = (): Promise<void> | undefined => receipts?.close(common.timeoutMs, interruption.signal);
  try {
    const target = await openTarget(host, common, {
      command: 'produce',
      createDirectory: command.createPartitions !== undefined,
    });
    interruption.begin(() => target.close());
    const hooks: ProduceHooks = {
      onAcked(lines, bytes) {
        receipts?.acked(lines, bytes);
        progress?.show(`${lines} lines, ${bytes} bytes acked`);
      },
    };
    let summary: ProduceSummary | undefined;
    try {
      const run = { common, command, files, interruption, hooks };
      summary = await interruption.abandonable(() => produce(host, target.transport, run));
    } finally {
      await target.close();
    }
    await closeReceipts();
    progress?.clear();
    if (!common.quiet) host.stdio.note(summaryLine(summary, command.acks));
    return interruption.exitCode ?? EXIT.ok;
  } catch (error) {
    await closeReceipts();
    progress?.clear();
    if (error instanceof ProduceError) host.stdio.note(ackedLine(error));
    throw withCreateHint(error, common, command);
  } finally {
    interruption.close();
  }
}

interface Run {
  readonly common: CommonOptions;
  readonly command: ProduceCommand;
  readonly files: readonly string[];
  readonly interruption: Interruption;
  readonly hooks: ProduceHooks;
}

async function produce(host: Host, transport: Transport, run: Run): Promise<ProduceSummary> {
  const { common, command, files, interruption, hooks } = run;
  if (command.createPartitions !== undefined) {
    await createIfAbsent(host, transport, common, command.topic, command.createPartitions);
  }
  const options = { ...producerOptions(common, command), signal: interruption.signal };
  return await produceLines(host.env, transport, options, openInputs(host, files, interruption), hooks);
}

function producerOptions(common: CommonOptions, command: ProduceCommand) {
  return {
    topic: command.topic,
    delimiter: command.delimiter,
    ...(command.keyDelimiter === undefined ? {} : { keyDelimiter: command.keyDelimiter }),
    ...(command.partition === undefined ? {} : { partition: command.partition }),
    codec: command.codec,
    acks: command.acks,
    timeoutMs: common.timeoutMs,
  };
}

/** Looks first: a topic that is there costs no change to the metadata. Somebody else may make it meanwhile. */
async function createIfAbsent(
  host: Host,
  transport: Transport,
  common: CommonOptions,
  name: string,
  partitions: number,
): Promise<void> {
  const call = { env: host.env, transport, timeoutMs: common.timeoutMs };
  try {
    await describeTopics(call, [name]);
    return;
  } catch (error) {
    if (!(error instanceof ClientError && error.kind === 'not-found')) throw error;
  }
  try {
    await createTopic(call, { name, partitions, replicationFactor: -1, configs: new Map() });
  } catch (error) {
    if (!(error instanceof ClientError && error.kind === 'conflict')) throw error;
  }
}

/** The look-ups are over when the first one is asked for. */
async function* openInputs(
  host: Host,
  files: readonly string[],
  interruption: Interruption,
): AsyncGenerator<LineInput> {
  interruption.commit();
  for (const file of files) {
    const input = await host.openInput(file);
    try {
      yield input;
    } finally {
      await input.close();
    }
  }
}

function summaryLine(summary: ProduceSummary | undefined, acks: -1 | 0 | 1): string {
  if (summary === undefined) return 'interrupted: nothing was sent';
  const rate = summary.elapsedMs > 0 ? Math.round((summary.lines * 1_000) / summary.elapsedMs) : summary.lines;
  const done = acks === 0 ? 'sent (acks=0: not confirmed)' : 'acked';
  const line = `${summary.lines} lines, ${summary.bytes} bytes ${done} in ${describeDurationMs(summary.elapsedMs)} (${rate} lines/s)`;
  return summary.interrupted ? `interrupted: ${line}` : line;
}

function ackedLine(error: ProduceError): string {
  const rest = error.isRestUnsent ? 'nothing after them was sent' : 'what follows may or may not be stored';
  return `acked: the first ${error.ackedLines} lines, ${error.ackedBytes} bytes of the input; ${rest}`;
}

function withCreateHint(error: unknown, common: CommonOptions, command: ProduceCommand): unknown {
  const absent = error instanceof ClientError && error.kind === 'not-found';
  if (!absent || command.partition !== undefined || command.createPartitions !== undefined) return error;
  return new CliError(
    EXIT.notFound,
    `there is no topic '${command.topic}' in ${describeTarget(common.target)}; add --create to make it`,
    { cause: error },
  );
}

/** `--create[=PARTITIONS]`; throws a usage error. */
export function parsePartitionCount(text: string, source: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 100_000) {
    throw usageError(`${source}: '${text}' is no number of partitions; write a whole number from 1 on`);
  }
  return count;
}

/** Before anything is made or read: a codec that is not there will not come. */
async function checkCodec(codec: ProduceCommand['codec']): Promise<void> {
  const { codecAvailable, compress } = await import('../protocol/records/compression.ts');
  if (codecAvailable(codec)) return;
  await compress(codec, Buffer.alloc(0)).catch((error: unknown) => {
    throw usageError(error instanceof Error ? error.message : String(error));
  });
}

/** What a broker costs: CPU seconds per 10^9 payload bytes in and out, memory, and the time until its port is open. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startRealKafka } from '../test/clients/kafka-jars.ts';
import { STREAMCTL, startServe } from '../test/helpers/streamctl.ts';
import { type Input, makeInput } from './inputs.ts';
import { median, processFigures, timed } from './measure.ts';
import type { Row } from './table.ts';

export interface BrokerBenchOptions {
  readonly folder: string;
  readonly rounds: number;
  /** 1 = a gigabyte a load. */
  readonly scale: number;
  /** Measure a real Kafka beside it. */
  readonly withKafka: boolean;
}

interface Costs {
  readonly inSmall: number;
  readonly inLarge: number;
  readonly out: number;
  readonly startMb: number;
  readonly peakMb: number;
}

/** The rows for CPU and memory, with librdkafka (kcat) as the load on both brokers. */
export async function brokerRows(options: BrokerBenchOptions): Promise<Row[]> {
  const small = makeInput(options.folder, Math.round(10_000_000 * options.scale), 100);
  const large = makeInput(options.folder, Math.round(1_000_000 * options.scale), 1024);
  const serving = await startServe(join(options.folder, 'broker'), '--durability', 'os');
  const ours = await costs(serving.bootstrap, serving.process.pid ?? 0, small, large, options.rounds);
  await serving.stop();
  const kafka = options.withKafka ? await kafkaCosts(options, small, large) : undefined;
  const beside = (value: number | undefined, unit: string) =>
    value === undefined ? '' : `, Kafka ${value.toFixed(unit === 'MB' ? 0 : 2)} ${unit}`;
  const cpu = (what: string, value: number, peer: number | undefined, target: number): Row => ({
    what,
    measured: `${value.toFixed(2)} s/GB${beside(peer, 's/GB')}`,
    figure: `${value.toFixed(2)} s/GB`,
    target: `<= ${target} s/GB`,
    reached: value <= target,
  });
  return [
    cpu('broker CPU in, lines of 100 B', ours.inSmall, kafka?.inSmall, 1.2),
    cpu('broker CPU in, lines of 1 KiB', ours.inLarge, kafka?.inLarge, 1.2),
    cpu('broker CPU out, large fetches', ours.out, kafka?.out, 0.8),
    {
      what: 'broker RSS after start / under this load',
      measured: `${ours.startMb.toFixed(0)} / ${ours.peakMb.toFixed(0)} MB${kafka ? `, Kafka ${kafka.startMb.toFixed(0)} / ${kafka.peakMb.toFixed(0)} MB` : ''}`,
      figure: `${ours.startMb.toFixed(0)} / ${ours.peakMb.toFixed(0)} MB`,
      target: '<= 90 / 150 MB',
      reached: ours.startMb <= 90 && ours.peakMb <= 150,
    },
  ];
}

async function kafkaCosts(options: BrokerBenchOptions, small: Input, large: Input): Promise<Costs> {
  const kafka = await startRealKafka(join(options.folder, 'kafka'));
  try {
    return await costs(kafka.bootstrap, kafka.pid, small, large, options.rounds);
  } finally {
    await kafka.stop();
  }
}

async function costs(bootstrap: string, pid: number, small: Input, large: Input, rounds: number): Promise<Costs> {
  const startMb = processFigures(pid).residentMb;
  const inSmall: number[] = [];
  const inLarge: number[] = [];
  const out: number[] = [];
  const per = async (input: Input, command: string): Promise<number> => {
    const before = processFigures(pid).cpuSeconds;
    await timed(command);
    return (processFigures(pid).cpuSeconds - before) / ((input.lines * input.lineBytes) / 1e9);
  };
  // The first round warms both brokers up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const [input, into] of [
      [small, inSmall],
      [large, inLarge],
    ] as const) {
      const topic = `in-${input.name}-${round}`;
      await timed(`${process.execPath} ${STREAMCTL} topics create ${topic} -b ${bootstrap}`);
      const cost = await per(input, `kcat -P -b ${bootstrap} -t ${topic} < ${input.path}`);
      if (round > 0) into.push(cost);
    }
    const large8 = '-X fetch.message.max.bytes=8388608 -X fetch.max.bytes=67108864';
    const cost = await per(
      large,
      `kcat -C -b ${bootstrap} -t in-${large.name}-${round} -o beginning -e -q ${large8} > /dev/null`,
    );
    if (round > 0) out.push(cost);
    // What is deleted gives its page cache back: memory that a virtual machine never touched before costs seconds a gigabyte.
    for (const input of [small, large]) {
      await timed(`${process.execPath} ${STREAMCTL} topics delete in-${input.name}-${round} -b ${bootstrap}`);
    }
  }
  return {
    inSmall: median(inSmall),
    inLarge: median(inLarge),
    out: median(out),
    startMb,
    peakMb: processFigures(pid).peakResidentMb,
  };
}

/** The row for `serve` on an empty directory until its port takes connections. */
export async function openRow(folder: string, rounds: number): Promise<Row> {
  const tookMs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const from = performance.now();
    const serving = await startServe(join(folder, `open-${round}`));
    if (round > 0) tookMs.push(performance.now() - from);
    await serving.stop();
  }
  const value = median(tookMs);
  return {
    what: '`serve` on an empty directory to port open',
    measured: `${value.toFixed(0)} ms`,
    figure: `${value.toFixed(0)} ms`,
    target: '<= 300 ms',
    reached: value <= 300,
  };
}

/** The row for one line into a directory that exists, against Node doing nothing. */
export async function oneShotRow(folder: string, rounds: number): Promise<Row> {
  const directory = join(folder, 'one-shot');
  await timed(`${process.execPath} ${STREAMCTL} topics create t --dir ${directory}`);
  const ours: number[] = [];
  const node: number[] = [];
  for (let round = 0; round <= rounds * 4; round++) {
    ours.push(
      await wallMs('bash', ['-c', `echo hi | ${process.execPath} ${STREAMCTL} produce t -q --dir ${directory}`]),
    );
    node.push(await wallMs('bash', ['-c', `echo hi | ${process.execPath} -e 0`]));
  }
  const ratio = median(ours.slice(1)) / median(node.slice(1));
  return {
    what: 'brokerless `echo hi | produce`, against `node -e 0`',
    measured: `${median(ours.slice(1)).toFixed(0)} ms, node ${median(node.slice(1)).toFixed(0)} ms; ${syncCalls(directory)} entries in the metadata log`,
    figure: `${ratio.toFixed(1)}x`,
    target: '<= 7x',
    reached: ratio <= 7,
  };
}

function syncCalls(directory: string): number {
  return readdirSync(join(directory, 'cluster', 'log')).filter((name) => /^\d{20}\.json$/.test(name)).length;
}

function wallMs(program: string, args: readonly string[]): Promise<number> {
  const environment: NodeJS.ProcessEnv = { ...process.env };
  delete environment['NODE_EXTRA_CA_CERTS'];
  const from = performance.now();
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('close', (status) =>
      status === 0 ? resolve(performance.now() - from) : reject(new Error(`exit ${status}: ${stderr}`)),
    );
  });
}

/** Lines in and lines out, against kcat on the same broker, and against `cat` on the segment. */
import { join } from 'node:path';
import { STREAMCTL, startServe } from '../test/helpers/streamctl.ts';
import { type Input, makeInput } from './inputs.ts';
import { median, timed } from './measure.ts';
import type { Row } from './table.ts';

const OURS = `${process.execPath} ${STREAMCTL}`;
const KCAT_BEST =
  '-X queued.min.messages=1000000 -X queued.max.messages.kbytes=1048576 -X fetch.message.max.bytes=8388608 -X fetch.max.bytes=67108864';

export interface LineBenchOptions {
  readonly folder: string;
  readonly rounds: number;
  /** 1 = the sizes of the table: 10 M lines of 20 and 100 bytes, 1 M of 1 KiB. */
  readonly scale: number;
}

/** The rows for produce and consume; a fresh directory for each input size. */
export async function lineRows(options: LineBenchOptions): Promise<Row[]> {
  const rows: Row[] = [];
  const sizes = [
    { lines: 10_000_000, lineBytes: 100, target: 3 },
    { lines: 10_000_000, lineBytes: 20, target: 7 },
    { lines: 1_000_000, lineBytes: 1024, target: 1.8 },
  ];
  for (const { lines, lineBytes, target } of sizes) {
    const input = makeInput(options.folder, Math.round(lines * options.scale), lineBytes);
    rows.push(await produceRow(options, input, target));
    if (lineBytes === 100) rows.push(...(await consumeRows(options, input)), await brokerlessRow(options, input));
  }
  return rows;
}

async function produceRow(options: LineBenchOptions, input: Input, target: number): Promise<Row> {
  const ours: number[] = [];
  const kcat: number[] = [];
  const durable: number[] = [];
  for (const durability of ['os', 'ack'] as const) {
    const serving = await startServe(
      join(options.folder, `produce-${input.name}-${durability}`),
      '--durability',
      durability,
    );
    for (let round = 0; round <= options.rounds; round++) {
      const topic = `t${round}`;
      await timed(`${OURS} topics create ${topic} -b ${serving.bootstrap}`);
      const produced = await timed(`${OURS} produce ${topic} -q -b ${serving.bootstrap} < ${input.path}`);
      if (durability === 'ack') {
        if (round > 0) durable.push(produced.wallSeconds);
      } else {
        await timed(`${OURS} topics create k${topic} -b ${serving.bootstrap}`);
        const peer = await timed(`kcat -P -b ${serving.bootstrap} -t k${topic} < ${input.path}`);
        await timed(`${OURS} topics delete k${topic} -b ${serving.bootstrap}`);
        if (round > 0) {
          ours.push(produced.wallSeconds);
          kcat.push(peer.wallSeconds);
        }
      }
      await timed(`${OURS} topics delete ${topic} -b ${serving.bootstrap}`);
    }
    await serving.stop();
  }
  const ratio = median(kcat) / median(ours);
  return {
    what: `produce ${input.name}`,
    measured: `${median(ours).toFixed(2)} s, kcat ${median(kcat).toFixed(2)} s; durable ${median(durable).toFixed(2)} s`,
    figure: `${ratio.toFixed(1)}x kcat`,
    target: `${target}x`,
    reached: ratio >= target,
  };
}

async function consumeRows(options: LineBenchOptions, input: Input): Promise<Row[]> {
  const serving = await startServe(join(options.folder, 'consume'), '--durability', 'os');
  await timed(`${OURS} produce t --create -q -b ${serving.bootstrap} < ${input.path}`);
  const variants = {
    ours: `${OURS} consume t -e -q -b ${serving.bootstrap} > /dev/null`,
    best: `kcat -C -b ${serving.bootstrap} -t t -o beginning -e -q ${KCAT_BEST} > /dev/null`,
    plain: `kcat -C -b ${serving.bootstrap} -t t -o beginning -e -q > /dev/null`,
    checked: `kcat -C -b ${serving.bootstrap} -t t -o beginning -e -q -X check.crcs=true ${KCAT_BEST} > /dev/null`,
  };
  const seconds = { ours: [] as number[], best: [] as number[], plain: [] as number[], checked: [] as number[] };
  for (let round = 0; round <= options.rounds; round++) {
    for (const name of ['ours', 'best', 'plain', 'checked'] as const) {
      const { wallSeconds } = await timed(variants[name]);
      if (round > 0) seconds[name].push(wallSeconds);
    }
  }
  await serving.stop();
  const ours = median(seconds.ours);
  return (
    [
      ['kcat, best settings', 'best', 4.5],
      ['kcat, defaults', 'plain', 11],
      ['kcat, best settings, check.crcs=true', 'checked', undefined],
    ] as const
  ).map(([peer, name, target]) => {
    const ratio = median(seconds[name]) / ours;
    return {
      what: `consume ${input.name} to /dev/null against ${peer}`,
      measured: `${ours.toFixed(2)} s, kcat ${median(seconds[name]).toFixed(2)} s`,
      figure: `${ratio.toFixed(1)}x kcat`,
      target: target === undefined ? '' : `${target}x`,
      reached: target === undefined ? undefined : ratio >= target,
    };
  });
}

async function brokerlessRow(options: LineBenchOptions, input: Input): Promise<Row> {
  const directory = join(options.folder, 'brokerless');
  await timed(`${OURS} produce t --create -q --dir ${directory} < ${input.path}`);
  const segments = `${join(directory, 'brokers', '1', 'log', 't-0')}/*.log`;
  const ours: number[] = [];
  const cat: number[] = [];
  for (let round = 0; round <= options.rounds; round++) {
    const consumed = await timed(`${OURS} consume t -e -q --dir ${directory} | wc -l`);
    if (consumed.stdout.trim() !== String(input.lines)) throw new Error(`consumed ${consumed.stdout} lines`);
    const copied = await timed(`cat ${segments} | wc -l`);
    if (round > 0) {
      ours.push(consumed.wallSeconds);
      cat.push(copied.wallSeconds);
    }
  }
  const ratio = median(ours) / median(cat);
  return {
    what: `consume ${input.name} brokerless into wc -l, against cat of the segments into wc -l`,
    measured: `${median(ours).toFixed(2)} s, cat ${median(cat).toFixed(2)} s`,
    figure: `${ratio.toFixed(2)}x its time`,
    target: '<= 1.7x',
    reached: ratio <= 1.7,
  };
}

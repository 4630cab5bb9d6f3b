/**
 * `npm run bench`: the table of README and bench/README.md, every figure measured here and now.
 *
 *   npm run bench -- --rounds 5 --scale 1 --only lines,broker,latency,start --no-kafka --folder DIR
 *
 * Needs kcat, and for the broker rows java and mvn (a real Kafka is measured beside ours).
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { brokerRows, oneShotRow, openRow } from './broker.ts';
import { latencyRow } from './latency.ts';
import { lineRows } from './lines.ts';
import { machineFacts } from './measure.ts';
import { printTable, type Row } from './table.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: 'lines,broker,latency,start' },
    folder: { type: 'string' },
    'no-kafka': { type: 'boolean', default: false },
  },
});

const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'streamctl-bench-'));
mkdirSync(folder, { recursive: true });
const rounds = Number(values.rounds);
const scale = Number(values.scale);
const only = new Set(values.only.split(','));
const rows: Row[] = [];
try {
  process.stdout.write(`${machineFacts()}; ${rounds} rounds, scale ${scale}\n\n`);
  if (only.has('lines')) rows.push(...(await lineRows({ folder, rounds, scale })));
  if (only.has('broker')) rows.push(...(await brokerRows({ folder, rounds, scale, withKafka: !values['no-kafka'] })));
  if (only.has('latency')) rows.push(await latencyRow(folder, rounds));
  if (only.has('start')) rows.push(await openRow(folder, rounds), await oneShotRow(folder, rounds));
  printTable(rows);
} finally {
  if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
}

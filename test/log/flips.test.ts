/**
 * One flipped byte in any file of a broker's log directory (I-29): what is served is what was written, and what is not served is
 * told: by an error, by damage, or by a copy of what was cut.
 */
import assert from 'node:assert/strict';
import { KafkaError } from '../../src/protocol/errors.ts';
import type { Inode } from '../sim/file-system.ts';
import { Prng } from '../sim/prng.ts';
import type { SimMachine } from '../sim/sim-machine.ts';
import { batchOf, type SeenBatch, splitBatches } from './batches.ts';
import { append, BROKER, namesIn, newMachine, openDirectory, openLog, PARTITION, run } from './log-in-world.ts';

const RUNS_PER_FILE = Number(process.env['STREAMCTL_FLIP_RUNS'] ?? 6);
const BATCHES = 60;
const CONFIG = { segmentBytes: 6000, indexIntervalBytes: 300 };
const CUT = `${BROKER}/cut`;

type End = 'close' | 'kill';
type Outcome = 'harmless' | 'repaired' | 'refused';

function batchAt(index: number): Buffer {
  return batchOf([`value ${index} ${'x'.repeat(200)}`], {
    timestamp: 1_000_000n + BigInt(index) * 10n,
    producerId: 7n,
    sequence: index,
  });
}

/** Sixty batches in three segments, of two leader epochs; their process closed, or was killed when all was checkpointed. */
async function filled(end: End): Promise<{ machine: SimMachine; written: SeenBatch[] }> {
  const machine = newMachine();
  let written: SeenBatch[] = [];
  await run(machine, async (env) => {
    const logs = await openDirectory(env);
    const log = await openLog(logs, CONFIG);
    for (let index = 0; index < BATCHES; index++) {
      await (await append(log, batchAt(index), index < 40 ? 0 : 2)).committed;
      if (index === 50 && end === 'kill') await env.clock.sleep(6500);
    }
    const read = await log.read({
      offset: 0,
      maxBytes: 1 << 20,
      minOneBatch: true,
      isolation: 'read_uncommitted',
      upTo: 'logEnd',
    });
    written = splitBatches(read.slices);
    read.release();
    for (let next = read.nextOffset; next !== undefined && next < BATCHES; ) {
      const more = await log.read({
        offset: next,
        maxBytes: 1 << 20,
        minOneBatch: true,
        isolation: 'read_uncommitted',
        upTo: 'logEnd',
      });
      written.push(...splitBatches(more.slices));
      more.release();
      next = more.nextOffset;
    }
    if (end === 'close') await logs.close();
  });
  assert.equal(written.length, BATCHES);
  return { machine, written };
}

/** Paths of all files below the broker's directory. */
function filesOf(machine: SimMachine, path = BROKER): string[] {
  const inode: Inode | undefined = machine.files.find(path);
  if (inode === undefined) return [];
  if (inode.kind === 'file') return [path];
  return namesIn(machine, path).flatMap((name) => filesOf(machine, `${path}/${name}`));
}

/** Opens and reads everything, at each offset; fails when what is served was not written, or a loss is not told. */
async function judge(
  machine: SimMachine,
  written: readonly SeenBatch[],
  durable: number,
  what: string,
  brokerEpoch = 2,
): Promise<Outcome> {
  const before = filesOf(machine).length;
  return await run(machine, async (env) => {
    try {
      const logs = await openDirectory(env, { brokerEpoch });
      const log = await openLog(logs, CONFIG, 2);
      const end = log.logEndOffset;
      const isTold = log.damagedAt !== undefined || namesIn(machine, CUT).length > 0;
      // What was not checkpointed may be a torn tail, which is cut, and told as such.
      if (!isTold) assert.ok(end >= durable, `${what}: ${end}, a loss that nobody is told of`);
      let refused = log.damagedAt !== undefined;
      for (let offset = 0; offset < end; offset += 1) {
        try {
          const request = { maxBytes: 2000, minOneBatch: true, isolation: 'read_uncommitted', upTo: 'logEnd' } as const;
          const read = await log.read({ offset, ...request });
          const seen = splitBatches(read.slices);
          read.release();
          assert.ok(seen.length > 0, `${what}: nothing at ${offset}`);
          assert.deepEqual(seen, written.slice(offset, offset + seen.length), `${what}: served at ${offset}`);
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
          refused = true;
        }
        try {
          const found = await log.offsetForTimestamp(1_000_000n + BigInt(offset) * 10n);
          assert.equal(found?.offset, offset, `${what}: found by time`);
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
          refused = true;
        }
      }
      if (refused) {
        assert.ok(log.damagedAt !== undefined, `${what}: refused, and nothing is damaged`);
        // Who reads to the end must meet it.
        assert.ok(log.highWatermark > log.damagedAt, `${what}: ends at ${log.highWatermark}, before the damage`);
        assert.ok(log.highWatermark >= durable, `${what}: ends at ${log.highWatermark}, and was longer`);
      }
      await logs.close();
      if (refused) return 'refused';
      return isTold || filesOf(machine).length !== before ? 'repaired' : 'harmless';
    } catch (error) {
      if (error instanceof assert.AssertionError || !(error instanceof Error)) throw error;
      if (['KafkaError', 'ForeignLogDirectoryError', 'UnknownFormatError'].includes(error.name)) return 'refused';
      throw error;
    }
  });
}

describe('log: a flipped byte', () => {
  for (const end of ['close', 'kill'] as const) {
    it(`in any file after a ${end} is harmless, repaired or refused, and never served`, async () => {
      const paths = filesOf((await filled(end)).machine);
      assert.ok(paths.filter((path) => path.startsWith(PARTITION)).length > 10);
      const counts: Record<Outcome, number> = { harmless: 0, repaired: 0, refused: 0 };
      const random = new Prng(end === 'close' ? 1 : 2);
      const failures: string[] = [];
      for (const path of paths) {
        for (let index = 0; index < RUNS_PER_FILE; index++) {
          const { machine, written } = await filled(end);
          const { content } = machine.files.get(path, 'test');
          if (content.size === 0) continue;
          const position = random.word() % content.size;
          const bit = random.word() % 8;
          content.damage(position, bit);
          const what = `${path} ${position}.${bit}`;
          try {
            const durable = end === 'close' ? BATCHES : 51;
            const outcome = await judge(machine, written, durable, what);
            counts[outcome] += 1;
            if (outcome !== 'refused' || !path.endsWith('.log')) continue;
            assert.equal(await judge(machine, written, durable, `${what}, again`, 3), 'refused');
            content.damage(position, bit);
            assert.notEqual(await judge(machine, written, durable, `${what}, as it was`, 4), 'refused');
          } catch (error) {
            failures.push(`${what}: ${String(error).slice(0, 300)}`);
          }
        }
      }
      assert.deepEqual(failures, [], `${failures.length} of ${JSON.stringify(counts)}`);
      assert.ok(counts.refused > 0 && counts.harmless + counts.repaired > 0);
    }).timeout(120_000);
  }
});

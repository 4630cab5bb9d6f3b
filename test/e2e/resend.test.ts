import assert from 'node:assert/strict';
import { join } from 'node:path';
import { batchOf, type ProduceAnswer, type ProducerIdentity, RawProducer } from '../helpers/raw-producer.ts';
import { type Serving, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';

const IN_FLIGHT = 5;
const RECORDS_EACH = 3;

/** The five batches that an idempotent producer may have in flight, each of three records, after `before` earlier batches. */
function inFlight(identity: ProducerIdentity, before: number): Buffer[] {
  return Array.from({ length: IN_FLIGHT }, (_, at) => {
    const number = before + at;
    const values = Array.from({ length: RECORDS_EACH }, (_unused, record) =>
      Buffer.from(`batch ${number} record ${record}`),
    );
    return batchOf(values, identity, number * RECORDS_EACH);
  });
}

function sendAll(producer: RawProducer, batches: readonly Buffer[]): Promise<ProduceAnswer[]> {
  return Promise.all(batches.map((batch) => producer.produce('t', batch)));
}

describe('the five batches in flight of an idempotent producer, sent again', () => {
  const handOvers: [string, (serving: Serving) => Promise<unknown>][] = [
    ['a clean hand-over', (serving) => serving.stop()],
    ['a crash', (serving) => serving.kill()],
  ];
  for (const [what, end] of handOvers) {
    it(`after ${what}: the same offsets, nothing twice`, () =>
      withFolder(async (folder) => {
        const directory = join(folder, 'data');
        const first = await startServe(directory);
        assert.equal((await streamctl(['topics', 'create', 't', '-b', first.bootstrap])).status, 0);
        const before = await RawProducer.open(first.bootstrap);
        const identity = await before.identity();
        const batches = inFlight(identity, 0);
        const answers = await sendAll(before, batches);
        before.close();
        await end(first);

        const second = await startServe(directory);
        const after = await RawProducer.open(second.bootstrap);
        assert.deepEqual(await sendAll(after, batches), answers);
        const next = await sendAll(after, inFlight(identity, IN_FLIGHT));
        assert.deepEqual(
          next.map((answer) => answer.baseOffset),
          [15, 18, 21, 24, 27],
        );
        after.close();
        await checkLog(second, 2 * IN_FLIGHT);
      }));
  }

  it('just after a roll: the same offsets, nothing twice', () =>
    withFolder(async (folder) => {
      const serving = await startServe(join(folder, 'data'));
      const created = await streamctl([
        'topics',
        'create',
        't',
        '--config',
        'segment.ms=1000',
        '-b',
        serving.bootstrap,
      ]);
      assert.equal(created.status, 0, created.stderr);
      const producer = await RawProducer.open(serving.bootstrap);
      const identity = await producer.identity();
      const batches = inFlight(identity, 0);
      const answers = await sendAll(producer, batches);
      // A batch whose time is past segment.ms of the first one's opens the next segment.
      const later = batchOf([Buffer.from('later')], await producer.identity(), 0, Date.now() + 10_000);
      assert.equal((await producer.produce('t', later)).errorCode, 0);
      assert.deepEqual(await sendAll(producer, batches), answers);
      producer.close();
      assert.equal(await serving.stop(), 0);
    }));
});

async function checkLog(serving: Serving, batchCount: number): Promise<void> {
  const consumed = await streamctl(['consume', 't', '-e', '-b', serving.bootstrap]);
  const expected: string[] = [];
  for (let batch = 0; batch < batchCount; batch++) {
    for (let record = 0; record < RECORDS_EACH; record++) expected.push(`batch ${batch} record ${record}\n`);
  }
  assert.equal(consumed.stdout.toString(), expected.join(''));
  assert.equal(await serving.stop(), 0);
}

import assert from 'node:assert/strict';
import { type CompactableLog, compactDirtiest } from '../../../src/log/compaction/compact-logs.ts';
import type { CompactionOutcome } from '../../../src/log/compaction/log-compaction.ts';
import { ORDER } from './compacted-log.ts';

/** A log of so many bytes of which that share is dirty; undefined: it is not due. */
function logOf(name: string, dirtyRatio: number | undefined, ran: string[], bytes = 1000): CompactableLog {
  const candidate =
    dirtyRatio === undefined
      ? undefined
      : { firstDirtyOffset: 0, endOffset: 9, dirtyBytes: bytes * dirtyRatio, dirtyRatio };
  return {
    name,
    compaction: {
      candidate: () => Promise.resolve(candidate),
      run: () => {
        ran.push(name);
        return Promise.resolve<CompactionOutcome>('done');
      },
    },
  };
}

function scene() {
  const warnings: string[] = [];
  const log = { debug: () => {}, info: () => {}, warn: (line: string) => warnings.push(line), error: () => {} };
  return { env: { log }, warnings, ran: [] as string[] };
}

describe('log: which log is compacted next', () => {
  it('is the dirtiest of those that are due', async () => {
    const { env, ran } = scene();
    const logs = [logOf('a', 0.6, ran), logOf('b', undefined, ran), logOf('c', 0.9, ran), logOf('d', 0.7, ran)];
    assert.equal(await compactDirtiest(env, logs, ORDER), 'done');
    assert.deepEqual(ran, ['c']);
    assert.equal(await compactDirtiest(env, [logOf('b', undefined, ran)], ORDER), undefined);
  });

  it('is none that is larger than may be, and none once it is told to end', async () => {
    const { env, ran } = scene();
    const logs = [logOf('large', 0.9, ran, 5000), logOf('small', 0.6, ran, 100)];
    assert.equal(await compactDirtiest(env, logs, { ...ORDER, bytesMax: 1000 }), 'done');
    assert.deepEqual(ran, ['small']);
    assert.equal(await compactDirtiest(env, logs, { ...ORDER, isStopped: () => true }), undefined);
    assert.deepEqual(ran, ['small']);
  });

  it('is another where one cannot be looked at, which is told', async () => {
    const { env, ran, warnings } = scene();
    const broken = logOf('broken', 1, ran);
    const logs = [
      { ...broken, compaction: { ...broken.compaction, candidate: () => Promise.reject(new Error('EIO')) } },
      logOf('whole', 0.6, ran),
    ];
    assert.equal(await compactDirtiest(env, logs, ORDER), 'done');
    assert.deepEqual(ran, ['whole']);
    assert.equal(warnings.length, 1);
  });
});

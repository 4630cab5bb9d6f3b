import assert from 'node:assert/strict';
import type { PartitionCursor } from '../../src/client/fetch-request.ts';
import { GroupProgress } from '../../src/client/group-progress.ts';
import { RecordOutput } from '../../src/client/record-output.ts';
import { Collected } from './consumer-scene.ts';

function cursorAt(fetchOffset: number, partition = 0): PartitionCursor {
  return {
    topic: 't',
    topicId: 'i',
    partition,
    leader: 1,
    leaderEpoch: 0,
    fetchOffset,
    untilOffset: Infinity,
    failingSinceMs: undefined,
  };
}

function due(progress: GroupProgress): [number, number][] {
  return progress.due().map(({ partition, offset }) => [partition, offset]);
}

describe('progress of a member', () => {
  it('a start that nobody committed is due at once, a committed one only when it has moved', () => {
    const progress = new GroupProgress();
    const [fresh, known] = [cursorAt(7), cursorAt(9, 1)];
    progress.begin(fresh, undefined);
    progress.begin(known, 9);
    assert.deepEqual(due(progress), [[0, 7]]);
    progress.accepted([{ cursor: known, nextOffset: 12 }]);
    assert.deepEqual(due(progress), [
      [0, 7],
      [1, 12],
    ]);
    progress.committed(progress.due());
    assert.deepEqual(due(progress), []);
  });

  it('a commit that was under way does not hide what was accepted meanwhile', () => {
    const progress = new GroupProgress();
    const cursor = cursorAt(0);
    progress.begin(cursor, 0);
    progress.accepted([{ cursor, nextOffset: 5 }]);
    const sent = progress.due();
    progress.accepted([{ cursor, nextOffset: 8 }]);
    progress.committed(sent);
    assert.deepEqual(due(progress), [[0, 8]]);
  });

  it('marks of what was lost count for nothing', () => {
    const progress = new GroupProgress();
    const cursor = cursorAt(0);
    progress.begin(cursor, 0);
    progress.end([cursor]);
    progress.accepted([{ cursor, nextOffset: 5 }]);
    assert.deepEqual(due(progress), []);
  });

  it('what is still on its way when a partition goes and comes back is not read twice, and counts when it is out', () => {
    const progress = new GroupProgress();
    const before = cursorAt(0);
    progress.begin(before, 0);
    before.decodedOffset = 40;
    progress.pause([before]);
    const after = cursorAt(0);
    assert.equal(progress.resume(after, 0), true);
    assert.equal(after.fetchOffset, 40);
    progress.accepted([{ cursor: before, nextOffset: 30 }]);
    assert.deepEqual(due(progress), [[0, 30]]);
    progress.accepted([{ cursor: after, nextOffset: 50 }]);
    assert.deepEqual(due(progress), [[0, 50]]);
  });

  it('where another one has committed meanwhile, or all was out, reading goes on at the commit', () => {
    const progress = new GroupProgress();
    const [stuck, done] = [cursorAt(0), cursorAt(0, 1)];
    progress.begin(stuck, 0);
    progress.begin(done, 0);
    stuck.decodedOffset = 40;
    done.decodedOffset = 20;
    progress.accepted([{ cursor: done, nextOffset: 20 }]);
    progress.pause([stuck, done]);
    assert.equal(progress.resume(cursorAt(60), 60), false);
    assert.equal(progress.resume(cursorAt(20, 1), 20), false);
  });
});

describe('marks in the output', () => {
  it('are told when the text before them is accepted, and not when a write fails', async () => {
    const output = new Collected();
    const told: number[] = [];
    const records = new RecordOutput(output);
    records.onAccepted((marks) => told.push(...marks.map(({ nextOffset }) => nextOffset)));
    const cursor = cursorAt(0);
    records.text('a');
    records.mark(cursor, 1);
    records.text('b');
    records.mark(cursor, 2);
    assert.deepEqual(told, []);
    records.flush();
    await records.caughtUp();
    // One mark a partition and chunk, and one without text.
    assert.deepEqual(told, [2]);
    records.mark(cursor, 9);
    records.flush();
    await records.caughtUp();
    assert.deepEqual(told, [2, 9]);
    output.onWrite = () => Promise.reject(new Error('full'));
    records.text('c');
    records.mark(cursor, 10);
    records.flush();
    await records.caughtUp();
    assert.deepEqual(told, [2, 9]);
    assert.equal(output.text, 'abc');
  });
});

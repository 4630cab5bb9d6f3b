import assert from 'node:assert/strict';
import { GroupPositions } from '../../src/client/group-positions.ts';
import { ListOffsets, Metadata } from '../../src/protocol/apis/index.ts';
import { ScriptedGroup, TOPIC_ID } from './scripted-group.ts';

function scene() {
  const group = new ScriptedGroup();
  const { env, coordinator, topics } = group.options();
  const positions = new GroupPositions(
    { env, transport: group, coordinator, topics },
    {
      topics: ['t'],
      start: { kind: 'earliest' },
      exitAtEnd: false,
      isolation: 'read_uncommitted',
      delimiter: Buffer.from('\n'),
      timeoutMs: 30_000,
    },
  );
  const offsets = [0, 1, 2].map((partitionIndex) => ({ partitionIndex, errorCode: 0, offset: 0n }));
  group.answer(ListOffsets, { topics: [{ name: 't', partitions: offsets }] });
  const opened = async (...partitions: number[]): Promise<number[]> => {
    const places = partitions.map((partition) => ({ topic: 't', partition }));
    const cursors = await group.clock.run(positions.open(places));
    return cursors.map(({ cursor }) => cursor.partition);
  };
  return { group, opened };
}

function topicWith(partitionCount: number): object {
  const partitions = Array.from({ length: partitionCount }, (_, partitionIndex) => ({ partitionIndex, leaderId: 1 }));
  return { topics: [{ name: 't', topicId: TOPIC_ID, partitions }] };
}

describe('positions of a member', () => {
  it('a partition that is assigned before the broker that is asked has heard of it is waited for', async () => {
    const { group, opened } = scene();
    group.answer(Metadata, topicWith(2), topicWith(2), topicWith(2), topicWith(3));
    assert.deepEqual(await opened(0, 2), [0, 2]);
  });

  it('one that does not come keeps the others from being read only for a while', async () => {
    const { group, opened } = scene();
    group.answer(Metadata, topicWith(2));
    const beganMs = group.clock.monotonicMs();
    assert.deepEqual(await opened(0, 2), [0]);
    assert.ok(group.clock.monotonicMs() - beganMs < 10_000);
  });
});

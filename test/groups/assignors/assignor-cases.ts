/** Assignors told in short: `t1:0,1 t2:2` is partitions 0 and 1 of t1 and 2 of t2. */
import assert from 'node:assert/strict';
import type { Assignor } from '../../../src/groups/assignors/assignor.ts';
import { type Assignment, assignmentOf } from '../../../src/groups/consumer-assignment.ts';

export interface MemberCase {
  /** Topics that it subscribes to, apart by blanks. */
  readonly topics: string;
  readonly had?: string;
  readonly instanceId?: string;
}

export function assignShort(
  assignor: Assignor,
  topics: Readonly<Record<string, number>>,
  members: Readonly<Record<string, MemberCase>>,
): Record<string, string> {
  const inputs = Object.entries(members).map(([memberId, { topics: names, had = '', instanceId }]) => ({
    memberId,
    instanceId: instanceId ?? null,
    topicIds: new Set(words(names)),
    previous: parseShort(had),
  }));
  const subscribed = new Set(inputs.flatMap(({ topicIds }) => [...topicIds]));
  const partitionCounts = new Map(Object.entries(topics).filter(([name]) => subscribed.has(name)));
  const shuffled = assignor.assign({ members: [...inputs].reverse(), partitionCounts });
  const assigned = assignor.assign({ members: inputs, partitionCounts });
  const result = inShort(assigned);
  assert.deepEqual(inShort(shuffled), result, 'the order of members changes nothing');
  return result;
}

export function parseShort(text: string): Assignment {
  return assignmentOf(
    new Map(
      words(text).map((word) => {
        const [topic = '', partitions = ''] = word.split(':');
        return [topic, partitions.split(',').map(Number)];
      }),
    ),
  );
}

export function formatShort(assignment: Assignment): string {
  return [...assignment]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([topic, partitions]) => `${topic}:${[...partitions].join(',')}`)
    .join(' ');
}

function inShort(assigned: ReadonlyMap<string, Assignment>): Record<string, string> {
  return Object.fromEntries([...assigned].map(([memberId, assignment]) => [memberId, formatShort(assignment)]));
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

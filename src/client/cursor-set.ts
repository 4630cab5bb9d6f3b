/** The partitions that a run reads. Under a group's rebalance they come and go while it reads. */
import { ClientError } from './client-error.ts';
import type { PartitionCursor } from './fetch-request.ts';
import type { TopicDescription } from './metadata.ts';

export class CursorSet {
  readonly #cursors: Set<PartitionCursor>;
  /** Which partition comes first in the next fetch: the first ones may fill the answer. */
  #turn = 0;

  constructor(cursors: readonly PartitionCursor[] = []) {
    this.#cursors = new Set(cursors);
  }

  get size(): number {
    return this.#cursors.size;
  }

  /** Whether each has come to where its reading ends; true when there is none. */
  get areAtEnd(): boolean {
    for (const cursor of this.#cursors) if (!isAtEnd(cursor)) return false;
    return true;
  }

  /** Each once. */
  get topicNames(): string[] {
    return [...new Set([...this.#cursors].map(({ topic }) => topic))];
  }

  has(cursor: PartitionCursor): boolean {
    return this.#cursors.has(cursor);
  }

  add(cursors: readonly PartitionCursor[]): void {
    for (const cursor of cursors) this.#cursors.add(cursor);
  }

  remove(cursors: readonly PartitionCursor[]): void {
    for (const cursor of cursors) this.#cursors.delete(cursor);
  }

  /** Those that have something to read, by leader (-1: none is known), without the leaders that are busy. */
  wanting(isBusy: (leader: number) => boolean): Map<number, PartitionCursor[]> {
    const all = [...this.#cursors];
    const first = all.length === 0 ? 0 : this.#turn++ % all.length;
    const byLeader = new Map<number, PartitionCursor[]>();
    for (let index = 0; index < all.length; index++) {
      const cursor = all[(index + first) % all.length];
      if (cursor === undefined || isAtEnd(cursor) || isBusy(cursor.leader)) continue;
      const led = byLeader.get(cursor.leader);
      if (led === undefined) byLeader.set(cursor.leader, [cursor]);
      else led.push(cursor);
    }
    return byLeader;
  }

  /** Since when nothing good came for the one that has waited longest; `nowMs` when all is well. */
  failingSinceMs(nowMs: number): number {
    let sinceMs = nowMs;
    for (const { failingSinceMs } of this.#cursors) sinceMs = Math.min(sinceMs, failingSinceMs ?? nowMs);
    return sinceMs;
  }

  /** Throws ClientError `refused` when a topic is another one by now. */
  learnLeaders(topics: readonly TopicDescription[]): void {
    for (const cursor of this.#cursors) {
      const topic = topics.find(({ name }) => name === cursor.topic);
      // Another one of a topic that was not asked about has come meanwhile.
      if (topic === undefined) continue;
      if (topic.topicId !== cursor.topicId) {
        throw new ClientError('refused', `topic '${cursor.topic}' was deleted and created anew while it was read`);
      }
      const found = topic.partitions[cursor.partition];
      cursor.leader = found?.leader ?? -1;
      cursor.leaderEpoch = found?.leaderEpoch ?? -1;
    }
  }
}

function isAtEnd({ fetchOffset, untilOffset }: PartitionCursor): boolean {
  return fetchOffset >= untilOffset;
}

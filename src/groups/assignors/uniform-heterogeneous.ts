/**
 * Members subscribe to different topics. What they have stays theirs; what is free goes to the subscriber with the fewest partitions,
 * the topics with the most partitions a subscriber first; then partitions move from the fullest subscriber of a topic to the emptiest
 * one until no topic can improve the balance. Source: Kafka's UniformHeterogeneousAssignmentBuilder.java.
 */
import { type Assignment, assignmentOf } from '../consumer-assignment.ts';
import { type AssignorInput, compareText } from './assignor.ts';
import { keepPartitions } from './kept-partitions.ts';

/** Each round about halves the imbalance that overlapping subscriptions leave; with simple ones the first settles it. */
const ROUNDS_MAX = 16;

/** Members by their index. */
interface Balance {
  /** How many partitions each has. */
  readonly counts: number[];
  /** By topic: who has each partition, or NOBODY. */
  readonly owners: ReadonlyMap<string, number[]>;
}

const NOBODY = -1;

export function assignHeterogeneous(input: AssignorInput): ReadonlyMap<string, Assignment> {
  const { members, topicIds, kept } = keepPartitions(input);
  const subscribers = new Map(
    topicIds.map((topicId) => [topicId, [...members.keys()].filter((index) => members[index]?.topicIds.has(topicId))]),
  );
  const balance: Balance = {
    counts: kept.map(({ length }) => length),
    owners: new Map(
      topicIds.map((topicId) => [topicId, new Array<number>(input.partitionCounts.get(topicId) ?? 0).fill(NOBODY)]),
    ),
  };
  for (const [index, partitions] of kept.entries()) {
    for (const { topicId, partition } of partitions) balance.owners.get(topicId)?.splice(partition, 1, index);
  }
  const order = sortTopics(topicIds, input.partitionCounts, subscribers);
  for (const topicId of order) giveFree(balance, topicId, subscribers.get(topicId) ?? []);
  balanceTopics(balance, order, subscribers);
  return new Map(members.map(({ memberId }, index) => [memberId, ownedBy(balance, index)]));
}

function sortTopics(
  topicIds: readonly string[],
  partitionCounts: ReadonlyMap<string, number>,
  subscribers: ReadonlyMap<string, readonly number[]>,
): readonly string[] {
  const facts = topicIds.map((topicId) => {
    const subscriberCount = subscribers.get(topicId)?.length ?? 1;
    return { topicId, subscriberCount, share: (partitionCounts.get(topicId) ?? 0) / subscriberCount };
  });
  facts.sort(
    (left, right) =>
      right.share - left.share ||
      left.subscriberCount - right.subscriberCount ||
      compareText(left.topicId, right.topicId),
  );
  return facts.map(({ topicId }) => topicId);
}

function giveFree(balance: Balance, topicId: string, subscribers: readonly number[]): void {
  const owners = balance.owners.get(topicId) ?? [];
  const sorted = sortByCount(balance, subscribers);
  for (const [partition, owner] of owners.entries()) {
    if (owner !== NOBODY) continue;
    const taker = emptiest(balance, sorted);
    owners[partition] = taker;
    addTo(balance, taker, 1);
  }
}

function balanceTopics(
  balance: Balance,
  order: readonly string[],
  subscribers: ReadonlyMap<string, readonly number[]>,
): void {
  const movable = order.filter((topicId) => (subscribers.get(topicId)?.length ?? 0) > 1);
  // A whole round without a move since this one: nothing is left to improve.
  let sinceMoved = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    for (const topicId of movable) {
      sinceMoved = balanceTopic(balance, topicId, subscribers.get(topicId) ?? []) ? 1 : sinceMoved + 1;
      if (sinceMoved >= movable.length) return;
    }
  }
}

/** Whether a partition of the topic has moved. */
function balanceTopic(balance: Balance, topicId: string, subscribers: readonly number[]): boolean {
  const sorted = sortByCount(balance, subscribers);
  const owners = balance.owners.get(topicId) ?? [];
  const owned = new Map(sorted.map((index) => [index, [] as number[]]));
  for (const [partition, owner] of owners.entries()) owned.get(owner)?.push(partition);
  let hasMoved = false;
  for (;;) {
    const giver = fullest(balance, sorted, (index) => (owned.get(index)?.length ?? 0) > 0);
    const taker = emptiest(balance, sorted);
    if (giver === undefined || countOf(balance, giver) - countOf(balance, taker) <= 1) return hasMoved;
    const partition = owned.get(giver)?.pop();
    if (partition === undefined) return hasMoved;
    owners[partition] = taker;
    addTo(balance, giver, -1);
    addTo(balance, taker, 1);
    hasMoved = true;
  }
}

function sortByCount(balance: Balance, subscribers: readonly number[]): readonly number[] {
  return [...subscribers].sort((left, right) => countOf(balance, left) - countOf(balance, right) || left - right);
}

/** Of equals the first. There is one. */
function emptiest(balance: Balance, sorted: readonly number[]): number {
  return sorted.reduce((best, next) => (countOf(balance, next) < countOf(balance, best) ? next : best));
}

/** Of equals the last. */
function fullest(balance: Balance, sorted: readonly number[], isMeant: (index: number) => boolean): number | undefined {
  let best: number | undefined;
  for (const index of sorted) {
    if (isMeant(index) && (best === undefined || countOf(balance, index) >= countOf(balance, best))) best = index;
  }
  return best;
}

function ownedBy({ owners }: Balance, index: number): Assignment {
  const topics = new Map<string, number[]>();
  for (const [topicId, each] of owners) {
    topics.set(
      topicId,
      [...each.keys()].filter((partition) => each[partition] === index),
    );
  }
  return assignmentOf(topics);
}

function countOf({ counts }: Balance, index: number): number {
  return counts[index] ?? 0;
}

function addTo({ counts }: Balance, index: number, change: number): void {
  counts[index] = (counts[index] ?? 0) + change;
}

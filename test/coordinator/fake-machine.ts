/** A machine that decides what a test tells it to, and keeps the last offset that it saw of each topic. */
import type { ShardMachine } from '../../src/coordinator/shard-machine.ts';
import type { Call } from '../../src/groups/call.ts';
import type { Now } from '../../src/groups/group-host.ts';
import type { ReplayFacts } from '../../src/groups/group-kind.ts';
import type { Answered, Transition } from '../../src/groups/transition.ts';
import type { KafkaError } from '../../src/protocol/errors.ts';
import type { GroupRecord } from '../../src/protocol/group/group-record.ts';

export function offsetRecord(topic: string, offset: number, metadata = ''): GroupRecord {
  const value = { offset: BigInt(offset), leaderEpoch: -1, metadata, commitTimestamp: 1n, expireTimestamp: -1n };
  return {
    kind: 'offset-commit',
    groupId: 'g',
    topic,
    partition: 0,
    value: { ...value, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' },
  };
}

export class FakeMachine implements ShardMachine {
  readonly offsets = new Map<string, number>();
  readonly facts: ReplayFacts[] = [];
  readonly gone: number[] = [];
  readonly due: { atMs: number; run: (now: Now) => void }[] = [];
  readonly parked: Call<never>[] = [];
  postponedMs = 0;
  loadedCount = 0;
  #done: Transition[] = [];

  replay(record: GroupRecord, at: ReplayFacts): void {
    this.facts.push(at);
    if (record.kind !== 'offset-commit') return;
    if (record.value === null) this.offsets.delete(record.topic);
    else this.offsets.set(record.topic, Number(record.value.offset));
  }

  loaded(): void {
    this.loadedCount += 1;
  }

  /** Writes an offset and answers with it. */
  set(call: Call<number>, topic: string, offset: number, isolated = false): void {
    this.decide([offsetRecord(topic, offset)], [answer(call, offset)], isolated);
  }

  get(call: Call<number>, topic: string): void {
    this.decide([], [answer(call, this.offsets.get(topic) ?? -1)]);
  }

  decide(records: readonly GroupRecord[], answers: readonly Answered[], isolated = false): void {
    this.#done.push({ records, answers, isolated });
  }

  park(call: Call<never>): void {
    this.parked.push(call);
  }

  connectionGone(connectionId: number): void {
    this.gone.push(connectionId);
  }

  get nextDueMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.due.map(({ atMs }) => atMs));
  }

  tick(now: Now): void {
    const first = this.due.findIndex(({ atMs }) => atMs === this.nextDueMs);
    const [taken] = this.due.splice(first, 1);
    taken?.run(now);
  }

  postpone(byMs: number): void {
    this.postponedMs += byMs;
    for (const each of this.due) each.atMs += byMs + 1000;
  }

  take(): readonly Transition[] {
    return this.#done.splice(0);
  }

  abandon(): readonly Answered[] {
    return this.parked.splice(0).map((call) => answer<never>(call, undefined as never));
  }
}

export function answer<R>(call: Call<R>, value: R): Answered {
  return { give: () => call.answer(value), refuse: (error: KafkaError) => call.fail(error) };
}

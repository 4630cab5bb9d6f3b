/**
 * A member of a group of KIP-848 without a core: it takes and lets go of partitions as it is told, and commits with an epoch that is
 * over, and after it has left.
 */
import { type ErrorName, errorCode } from '../../../src/protocol/errors.ts';
import { TOPIC } from './commands.ts';
import type { Hold } from './membership-register.ts';
import type { RawClient } from './raw-client.ts';
import type { RawIdentity } from './raw-group.ts';

const JOIN_EPOCH = 0;
const LEAVE_EPOCH = -1;
const PAUSE_EPOCH = -2;
const REBALANCE_MS = 30_000;

/** It has lost all that it had. */
const LOSSES: readonly ErrorName[] = ['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH'];
const LOST: ReadonlySet<number> = new Set(LOSSES.map(errorCode));

export class RawConsumer {
  readonly #client: RawClient;
  #identity: RawIdentity;
  #topicId = '';
  readonly #held = new Map<number, Hold>();
  /** Whether the coordinator may not know what it has, or have missed what it said. */
  #mustTellAll = true;
  #mustTellHeld = false;
  #wasHeard = false;

  constructor(client: RawClient) {
    this.#client = client;
    this.#identity = { memberId: client.newId(), instanceId: client.plan.instanceId, generation: JOIN_EPOCH };
  }

  async run(): Promise<void> {
    await this.#client.persistently(() => this.#live());
    if (this.#wasHeard) await this.#client.attempt(() => this.#leave());
  }

  async #live(): Promise<boolean> {
    const client = this.#client;
    while (!client.isOver) {
      await client.beginRound();
      if (!(await this.#beat())) return false;
      for (const partition of [...this.#held.keys()]) {
        const code = await client.commit(this.#identity, partition);
        if (LOST.has(code)) return this.#lose();
      }
      if (client.hits(0.1)) await this.#commitAsAnother();
      await client.rest();
    }
    return true;
  }

  /** False where it was not answered well. */
  async #beat(): Promise<boolean> {
    const { group, memberships, plan, events } = this.#client;
    const { generation } = this.#identity;
    const isJoin = generation === JOIN_EPOCH;
    const known = isJoin ? memberships.generationOf(plan.groupId) : generation;
    const said = this.#news();
    // Whatever becomes of this one, the next tells all, unless it was answered.
    this.#mustTellAll = true;
    this.#wasHeard = true;
    const sentAt = memberships.now();
    const answer = await group.beat(this.#identity, said);
    if (answer.errorCode !== 0) return this.#refused(answer.errorCode);
    this.#mustTellAll = false;
    this.#mustTellHeld = false;
    if (this.#client.isJudged) {
      memberships.joined(plan.groupId, answer.memberEpoch, known, this.#client.name);
      memberships.shown(plan.groupId, answer.memberEpoch);
      for (const [partition, hold] of this.#held) memberships.stillHeld(this.#place(partition), hold, sentAt);
    }
    events.answered();
    this.#identity = { ...this.#identity, generation: answer.memberEpoch };
    if (answer.assignment !== null) this.#take(answer.assignment.topicPartitions);
    return true;
  }

  #news(): Parameters<RawClient['group']['beat']>[1] {
    const { instanceId } = this.#identity;
    const topicPartitions =
      this.#held.size === 0 ? [] : [{ topicId: this.#topicId, partitions: [...this.#held.keys()] }];
    if (this.#mustTellAll) {
      return { instanceId, rebalanceTimeoutMs: REBALANCE_MS, subscribedTopicNames: [TOPIC], topicPartitions };
    }
    return this.#mustTellHeld ? { instanceId: null, topicPartitions } : { instanceId: null };
  }

  /** What it is told is what it has from now on: it lets go of the rest at once, and says so with its next heartbeat. */
  #take(assigned: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]): void {
    const told = new Set(assigned.flatMap(({ partitions }) => partitions));
    this.#topicId = assigned[0]?.topicId ?? this.#topicId;
    this.#mustTellHeld = true;
    for (const partition of [...this.#held.keys()]) if (!told.has(partition)) this.#held.delete(partition);
    for (const partition of told) {
      if (this.#held.has(partition)) continue;
      this.#held.set(partition, this.#client.memberships.given(this.#place(partition), this.#identity.memberId));
    }
  }

  #refused(code: number): false {
    if (LOST.has(code)) return this.#lose();
    // Another one is the instance by now, and has what was its.
    if (code !== errorCode('FENCED_INSTANCE_ID')) return false;
    this.#wasHeard = false;
    this.#client.stop();
    return this.#lose();
  }

  #lose(): false {
    this.#held.clear();
    this.#identity = { ...this.#identity, generation: JOIN_EPOCH };
    this.#mustTellAll = true;
    this.#client.events.fenced();
    return false;
  }

  async #commitAsAnother(): Promise<void> {
    const { generation } = this.#identity;
    const isFirst = generation <= 1;
    const stale = isFirst
      ? { ...this.#identity, memberId: 'nobody' }
      : { ...this.#identity, generation: generation - 1 };
    const why = isFirst ? 'as a member that there is not' : 'with an earlier epoch';
    await this.#client.commit(stale, this.#client.anyPartition(), why);
  }

  async #leave(): Promise<boolean> {
    const { plan, group } = this.#client;
    const isPause = plan.instanceId !== null && plan.leaves === 'for a while';
    const generation = isPause ? PAUSE_EPOCH : LEAVE_EPOCH;
    const { errorCode: code } = await group.beat({ ...this.#identity, generation }, {});
    if (code !== 0 || this.#identity.generation <= JOIN_EPOCH) return false;
    await this.#client.commit(this.#identity, 0, 'as a member that had left');
    return true;
  }

  #place(partition: number): string {
    return `${this.#client.plan.groupId}/${partition}`;
  }
}

/** A client of a classic group as careful ones are written: what it heard, what it waits for, and what it does next. */
import assert from 'node:assert/strict';
import type { JoinResponse, SyncResponse } from '../../src/groups/classic-member.ts';
import { errorName } from '../../src/protocol/errors.ts';
import { type Asked, type GroupWorld, protocols } from './group-world.ts';

export const PARTITION_COUNT = 6;

/** What a member was told that it owns. */
export interface Ownership {
  readonly generation: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly partitions: readonly number[];
}

export class ModelClient {
  readonly groupInstanceId: string | null;
  readonly connectionId: number | undefined;
  /** Changes what it says of itself, so that even a follower that is stable makes the group rebalance. */
  metadata = 'plain';
  memberId = '';
  generation = -1;
  owned: Ownership | undefined;
  /** It was fenced: another process has its instance. */
  isFenced = false;
  #joining: Asked<JoinResponse> | undefined;
  #syncing: Asked<SyncResponse> | undefined;
  #joined: JoinResponse | undefined;

  constructor(groupInstanceId: string | null, connectionId: number | undefined) {
    this.groupInstanceId = groupInstanceId;
    this.connectionId = connectionId;
  }

  get isWaiting(): boolean {
    return this.#joining?.isAnswered === false || this.#syncing?.isAnswered === false;
  }

  /** Reads what was answered, and does the next thing. Answers what it owns when it has just heard that. */
  step(world: GroupWorld): Ownership | undefined {
    if (this.isFenced || this.isWaiting) return undefined;
    if (this.#joining !== undefined) this.#onJoined(this.#joining);
    else if (this.#syncing !== undefined) return this.#onSynced(this.#syncing);
    else if (this.#joined !== undefined) this.#sync(world, this.#joined);
    else if (this.owned !== undefined) this.#onError(world.heartbeat(this, this.groupInstanceId, this.#caller()));
    else this.#join(world);
    return undefined;
  }

  rejoin(): void {
    this.owned = undefined;
    this.#joined = undefined;
    this.#joining = undefined;
    this.#syncing = undefined;
  }

  #join(world: GroupWorld): void {
    this.#joining = world.join({
      memberId: this.memberId,
      groupInstanceId: this.groupInstanceId,
      protocols: protocols(`range=${this.metadata}`),
      caller: this.#caller(),
    });
  }

  #onJoined(joining: Asked<JoinResponse>): void {
    this.#joining = undefined;
    if (joining.isRefused) return;
    const { value } = joining;
    const error = errorName(value.errorCode);
    if (error === 'MEMBER_ID_REQUIRED') this.memberId = value.memberId;
    else if (error !== 'NONE') this.#onError(error);
    else {
      this.memberId = value.memberId;
      this.generation = value.generationId;
      this.#joined = value;
    }
  }

  #sync(world: GroupWorld, joined: JoinResponse): void {
    this.#joined = undefined;
    const members = joined.skipAssignment ? [] : joined.members;
    const assignments = members.map(({ memberId }, index) => {
      const partitions = Array.from({ length: PARTITION_COUNT }, (_, partition) => partition);
      const mine = partitions.filter((partition) => partition % members.length === index);
      return { memberId, assignment: Buffer.from(JSON.stringify(mine)) };
    });
    this.#syncing = world.sync(this, { groupInstanceId: this.groupInstanceId, assignments }, this.#caller());
  }

  #onSynced(syncing: Asked<SyncResponse>): Ownership | undefined {
    this.#syncing = undefined;
    if (syncing.isRefused) return undefined;
    const { value } = syncing;
    const error = errorName(value.errorCode);
    if (error !== 'NONE') {
      this.#onError(error);
      return undefined;
    }
    const text = value.assignment.toString();
    assert(text.startsWith('['), 'a leader assigns something to each member');
    const { generation, memberId, groupInstanceId } = this;
    this.owned = { generation, memberId, groupInstanceId, partitions: JSON.parse(text) };
    return this.owned;
  }

  #onError(error: string): void {
    if (error === 'NONE') return;
    this.rejoin();
    if (error === 'FENCED_INSTANCE_ID') this.isFenced = true;
    else if (error === 'UNKNOWN_MEMBER_ID') this.memberId = '';
    else assert(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION'].includes(error), error);
  }

  #caller() {
    return { apiVersion: 9, clientHost: '/unix', connectionId: this.connectionId };
  }
}

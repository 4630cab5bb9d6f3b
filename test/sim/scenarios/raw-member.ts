/**
 * A member of a classic group without a core, that does what cores never do: commits with a generation that is over, after another
 * one has taken its place, and after it has left. One without a group's turns, too, that commits alone.
 */
import { errorCode } from '../../../src/protocol/errors.ts';
import type { SimMachine, SimProgram } from '../sim-machine.ts';
import { spawnClient } from './admin.ts';
import type { InstanceJoin } from './membership-register.ts';
import { RawClient, type RawMemberEvents, type RawMemberPlan, type RawRegisters } from './raw-client.ts';
import { RawConsumer } from './raw-consumer.ts';
import { RawGroup, type RawIdentity } from './raw-group.ts';

export function startRawMember(
  machine: SimMachine,
  registers: RawRegisters,
  name: string,
  plan: RawMemberPlan,
  events: RawMemberEvents,
): SimProgram {
  return spawnClient(machine, name, async (transport, program) => {
    const client = new RawClient(new RawGroup(transport, plan.groupId), program, registers, plan, events);
    await client.persistently(async () => (await client.group.find()) === 0);
    if (plan.kind === 'simple') await client.persistently(() => commitAlone(client));
    else await (plan.kind === 'consumer' ? new RawConsumer(client) : new RawMember(client)).run();
    return client.hasGivenUp ? 1 : 0;
  });
}

async function commitAlone(client: RawClient): Promise<boolean> {
  const nobody = { memberId: '', instanceId: null, generation: -1 };
  while (!client.isOver) {
    await client.beginRound();
    for (let partition = 0; partition < client.plan.partitions; partition++) await client.commit(nobody, partition);
    await client.rest();
  }
  return true;
}

class RawMember {
  readonly #client: RawClient;
  #identity: RawIdentity;
  /** Of a static member, that which its member id comes from. */
  #instanceJoin: InstanceJoin | undefined;

  constructor(client: RawClient) {
    this.#client = client;
    this.#identity = this.#nobody();
  }

  async run(): Promise<void> {
    const { plan } = this.#client;
    await this.#client.persistently(async () => {
      const own = await this.#join();
      return own !== undefined && (await this.#live(own));
    });
    const { memberId, generation } = this.#identity;
    if (memberId === '' || (plan.instanceId !== null && plan.leaves === 'for a while')) return;
    await this.#client.attempt(async () => {
      if ((await this.#client.group.leave(this.#identity)) !== 0 || generation < 0) return false;
      await this.#client.commit(this.#identity, 0, 'as a member that had left');
      return true;
    });
  }

  #nobody(): RawIdentity {
    return { memberId: '', instanceId: this.#client.plan.instanceId, generation: -1 };
  }

  /** The partitions that it gets; undefined: to be tried again. */
  async #join(): Promise<number[] | undefined> {
    const { group, memberships, plan, events } = this.#client;
    const { groupId, instanceId } = plan;
    const known = memberships.generationOf(groupId);
    if (instanceId !== null && this.#identity.memberId === '') {
      this.#instanceJoin = memberships.joins(groupId, instanceId);
    }
    const joined = await group.join(this.#identity);
    if (this.#instanceJoin !== undefined) {
      this.#instanceJoin.answeredAt = Math.min(this.#instanceJoin.answeredAt, memberships.now());
    }
    if (joined.errorCode !== 0) {
      if (joined.errorCode === errorCode('FENCED_INSTANCE_ID')) {
        this.#refused(joined.errorCode);
        return undefined;
      }
      const isNamed = joined.errorCode === errorCode('MEMBER_ID_REQUIRED');
      this.#identity = { ...this.#nobody(), memberId: isNamed ? joined.memberId : '' };
      return undefined;
    }
    if (this.#client.isJudged) memberships.joined(groupId, joined.generationId, known, this.#client.name);
    const { memberId, generationId: generation, leader, members } = joined;
    this.#identity = { memberId, instanceId, generation };
    const isLeader = leader === memberId && !joined.skipAssignment;
    const { errorCode: code, assignment } = await group.sync(this.#identity, isLeader ? this.#share(members) : []);
    if (code !== 0) {
      this.#refused(code);
      return undefined;
    }
    const own = Buffer.from(assignment).toString().split(',').filter(Boolean).map(Number);
    if (this.#client.isJudged) {
      memberships.assigned(groupId, generation, instanceId ?? memberId, own);
      if (this.#instanceJoin !== undefined) this.#instanceJoin.assignedAt = memberships.now();
    }
    events.answered();
    return own;
  }

  #share(members: readonly { readonly memberId: string }[]): { memberId: string; assignment: Buffer }[] {
    const all = Array.from({ length: this.#client.plan.partitions }, (_, partition) => partition);
    return members.map(({ memberId }, at) => ({
      memberId,
      assignment: Buffer.from(all.filter((partition) => partition % members.length === at).join(',')),
    }));
  }

  /** Heartbeats, commits and asks; false when it has to join again. */
  async #live(own: readonly number[]): Promise<boolean> {
    const client = this.#client;
    while (!client.isOver) {
      await client.beginRound();
      const over = this.#whyOver();
      const code = await client.group.heartbeat(this.#identity);
      if (code !== 0) return this.#refused(code);
      if (over?.isReplaced === true && client.isJudged) client.violate(`is taken for a member ${over.text}`);
      for (const partition of own) {
        const refusal = await client.commit(this.#identity, partition, this.#whyOver()?.text);
        if (refusal !== 0) return this.#refused(refusal);
      }
      if (client.hits(0.1)) await this.#commitAsAnother();
      await client.rest();
    }
    return true;
  }

  /** Why nothing of it may be taken any more, if so. */
  #whyOver(): { readonly text: string; readonly isReplaced: boolean } | undefined {
    const { memberships, plan } = this.#client;
    const { generation, instanceId } = this.#identity;
    const join = this.#instanceJoin;
    if (instanceId !== null && join !== undefined && memberships.isReplaced(plan.groupId, instanceId, join)) {
      return { text: `whose place as ${instanceId} another one has`, isReplaced: true };
    }
    if (generation >= memberships.generationOf(plan.groupId)) return undefined;
    return { text: `with generation ${generation}, which was over`, isReplaced: false };
  }

  async #commitAsAnother(): Promise<void> {
    const { generation } = this.#identity;
    const stale =
      generation > 0
        ? { ...this.#identity, generation: generation - 1 }
        : { memberId: 'nobody', instanceId: null, generation };
    await this.#client.commit(stale, this.#client.anyPartition(), 'as a member of an earlier generation');
  }

  #refused(code: number): false {
    const { memberships, plan, events } = this.#client;
    if (code === errorCode('FENCED_INSTANCE_ID')) {
      const { instanceId } = this.#identity;
      if (instanceId !== null && this.#instanceJoin !== undefined && this.#client.isJudged) {
        memberships.fenced(plan.groupId, instanceId, this.#instanceJoin, this.#client.name);
      }
      this.#client.stop();
    } else if (code === errorCode('UNKNOWN_MEMBER_ID')) events.fenced();
    else return false;
    this.#identity = this.#nobody();
    return false;
  }
}

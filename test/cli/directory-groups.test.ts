import assert from 'node:assert/strict';
import type { DirectoryTransport } from '../../src/cli/directory-transport.ts';
import type { Env } from '../../src/kernel/env.ts';
import {
  DescribeGroups,
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  OffsetCommit,
  OffsetFetch,
  SyncGroup,
} from '../../src/protocol/apis/index.ts';
import { completeMessage } from '../../src/protocol/complete-message.ts';
import { errorName } from '../../src/protocol/errors.ts';
import {
  type AnyApi,
  type RequestInput,
  type RequestOf,
  type ResponseOf,
  ZERO_UUID,
} from '../../src/protocol/schema.ts';
import { DIRECTORY, runToEnd } from '../cluster/in-world.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';
import { type Loaded, loadModules } from './loaded-modules.ts';

const HEARTBEAT_MS = 1500;

let loaded: Loaded;

function open(env: Env): Promise<DirectoryTransport> {
  const options = { directory: DIRECTORY, command: 'test', timeoutMs: 30_000, createDirectory: true };
  return loaded.openDirectoryTransport(env, { ...options, note: () => undefined });
}

/** Sent again while connections end or the coordinator is elsewhere. */
async function ask<A extends AnyApi>(
  env: Env,
  transport: DirectoryTransport,
  api: A,
  version: number,
  message: RequestInput<A>,
): Promise<ResponseOf<A>> {
  const whole = completeMessage(api.request, message as object) as RequestOf<A>;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const reply = await transport.request(1, api, version, whole, 10_000, 'group');
      const answer = reply.message as ResponseOf<A> & { readonly errorCode?: number };
      if (errorName(answer.errorCode ?? 0) !== 'NOT_COORDINATOR') return answer;
    } catch (error) {
      if (attempt > 50) throw error;
    }
    await env.clock.sleep(50);
  }
}

/** A member of a group of its own, which commits with each heartbeat. */
class Member {
  readonly groupId: string;
  memberId = '';
  generationId = -1;
  committed = -1;
  readonly #env: Env;
  readonly #transport: DirectoryTransport;

  constructor(env: Env, transport: DirectoryTransport, groupId: string) {
    this.#env = env;
    this.#transport = transport;
    this.groupId = groupId;
  }

  async join(): Promise<void> {
    const { groupId } = this;
    await this.#ask(FindCoordinator, 4, { coordinatorKeys: [groupId] });
    for (const expected of ['MEMBER_ID_REQUIRED', 'NONE']) {
      const protocols = [{ name: 'range', metadata: Buffer.alloc(10) }];
      const message = { groupId, sessionTimeoutMs: 6000, memberId: this.memberId, protocolType: 'consumer', protocols };
      const joined = await this.#ask(JoinGroup, 9, message);
      assert.equal(errorName(joined.errorCode), expected);
      this.memberId = joined.memberId;
      this.generationId = joined.generationId;
    }
    const { memberId, generationId } = this;
    const assignments = [{ memberId, assignment: Buffer.alloc(6) }];
    const protocol = { protocolType: 'consumer', protocolName: 'range' };
    const synced = await this.#ask(SyncGroup, 5, { groupId, generationId, memberId, ...protocol, assignments });
    assert.equal(errorName(synced.errorCode), 'NONE');
  }

  /** Heartbeats and commits, and nothing of it is refused: nobody took this member for gone. */
  async live(untilMs: number): Promise<void> {
    const { groupId, memberId, generationId } = this;
    while (this.#env.clock.monotonicMs() < untilMs) {
      const beat = await this.#ask(Heartbeat, 4, { groupId, memberId, generationId });
      assert.equal(errorName(beat.errorCode), 'NONE', groupId);
      const partition = { partitionIndex: 0, committedOffset: BigInt(this.committed + 1), committedMetadata: null };
      const done = await this.#ask(OffsetCommit, 8, {
        groupId,
        memberId,
        generationIdOrMemberEpoch: generationId,
        topics: [{ name: 't', partitions: [partition] }],
      });
      const told = errorName(done.topics[0]?.partitions[0]?.errorCode ?? -1);
      if (told === 'NONE') this.committed += 1;
      else assert.equal(told, 'NOT_COORDINATOR', groupId);
      const topics = [{ name: 't', topicId: ZERO_UUID, partitionIndexes: [0] }];
      const fetched = await this.#ask(OffsetFetch, 8, { groups: [{ groupId, topics }] });
      const offset = fetched.groups[0]?.topics[0]?.partitions[0]?.committedOffset;
      // A commit that was refused may have been kept.
      if (offset !== undefined) this.committed = Math.max(this.committed, Number(offset));
      await this.#env.clock.sleep(HEARTBEAT_MS);
    }
  }

  #ask<A extends AnyApi>(api: A, version: number, message: RequestInput<A>): Promise<ResponseOf<A>> {
    return ask(this.#env, this.#transport, api, version, message);
  }
}

/** Three commands, each with a group; the first embeds the broker until `end`, the others go on until they have seen that. */
async function threeCommands(seed: number, end: 'close' | 'kill'): Promise<void> {
  const machine = new SimMachine(new World({ seed }), 'm');
  const first = machine.spawn('first', async ({ env }) => {
    const transport = await open(env);
    await loaded.createTopic(
      { env, transport, timeoutMs: 30_000 },
      { name: 't', partitions: 1, replicationFactor: -1, configs: new Map() },
    );
    const member = new Member(env, transport, 'g1');
    await member.join();
    await member.live(env.clock.monotonicMs() + (end === 'close' ? 8000 : 1_000_000));
    await transport.close();
    return 0;
  });
  for (const groupId of ['g2', 'g3']) {
    machine.spawn(groupId, async ({ env }) => {
      await env.clock.sleep(1000);
      const transport = await open(env);
      const member = new Member(env, transport, groupId);
      await member.join();
      await member.live(env.clock.monotonicMs() + 25_000);
      const describe = (): Promise<ResponseOf<typeof DescribeGroups>> =>
        ask(env, transport, DescribeGroups, 5, { groups: ['g1'] });
      if (end === 'close') {
        // Its process may live on; nobody asked for the group before, so it is loaded now, and waits for a word of it.
        await describe();
        await env.clock.sleep(3000);
      }
      const described = await describe();
      const isGone = described.groups[0]?.groupState === 'Empty';
      assert.ok(isGone, `g1 is ${described.groups[0]?.groupState}`);
      await transport.close();
      return 0;
    });
  }
  if (end === 'kill') machine.world.after(9000, () => first.process.kill('SIGKILL'));
  await runToEnd(machine, 120_000);
}

describe('cli: groups of commands on a directory', () => {
  before(async () => {
    loaded = await loadModules();
  });

  for (const end of ['close', 'kill'] as const) {
    it(`${end === 'close' ? 'a hand-over' : 'a kill'} of the broker fences nobody who lives, and who is gone leaves its group`, async () => {
      for (let seed = 1; seed <= 5; seed += 1) await threeCommands(seed, end);
    });
  }
});

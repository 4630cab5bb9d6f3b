/**
 * A client that asks again and again how a group of `consume --group` stands: what is committed, which epoch it is in, and who has
 * which partition.
 */
import { decodeConsumerAssignment } from '../../../src/protocol/group/consumer-protocol.ts';
import type { SimMachine, SimProgram } from '../sim-machine.ts';
import type { World } from '../sim-world.ts';
import { isUnanswered, spawnClient } from './admin.ts';
import type { GroupOutput } from './group-output.ts';
import { RawGroup } from './raw-group.ts';

/** What probes of one group have seen, over the lives of several of them. */
export interface ProbedGroup {
  readonly groupId: string;
  readonly protocol: 'classic' | 'consumer';
  readonly partitions: number;
  readonly output: GroupOutput;
  groupEpoch: number;
  assignmentEpoch: number;
}

/** `onAnswer` is called for each answer without an error; `once`: it ends after one of each. */
export function probeGroup(
  machine: SimMachine,
  probed: ProbedGroup,
  onAnswer: () => void,
  isExcused: (pid: number) => boolean,
  once = false,
): SimProgram {
  return spawnClient(machine, 'probe-group', async (transport, { env, process }) => {
    const group = new RawGroup(transport, probed.groupId);
    let isOver = false;
    env.proc.onSignal('SIGTERM', () => {
      isOver = true;
    });
    const isJudged = (): boolean => !process.isDead && !isExcused(process.pid);
    while (!isOver) {
      try {
        if ((await look(group, probed, isJudged, machine.world)) && !process.isDead) {
          onAnswer();
          if (once) return 0;
        }
      } catch (error) {
        if (!isUnanswered(error)) throw error;
      }
      await env.clock.sleep(env.random.fraction() * 600);
    }
    return 0;
  });
}

async function look(group: RawGroup, probed: ProbedGroup, isJudged: () => boolean, world: World): Promise<boolean> {
  if ((await group.find()) !== 0) return false;
  const offsets = await group.committed(probed.partitions);
  if (offsets === undefined) return false;
  if (isJudged()) for (const [partition, offset] of offsets.entries()) probed.output.shown(partition, offset);
  if (probed.protocol === 'consumer') {
    const described = await group.describeConsumers();
    if (described?.errorCode === 0 && isJudged()) judgeEpochs(probed, described, world);
  } else {
    const described = await group.describe();
    if (described?.errorCode === 0 && described.groupState === 'Stable' && isJudged()) judgeClassic(described, world);
  }
  return true;
}

type Described = NonNullable<Awaited<ReturnType<RawGroup['describeConsumers']>>>;

/** I-22: epochs do not go back. I-24: no two members have one partition. */
function judgeEpochs(probed: ProbedGroup, { groupEpoch, assignmentEpoch, members }: Described, world: World): void {
  if (groupEpoch < probed.groupEpoch) world.violate('I-22', `group epoch ${groupEpoch} after ${probed.groupEpoch}`);
  if (assignmentEpoch < probed.assignmentEpoch) {
    world.violate('I-22', `assignment epoch ${assignmentEpoch} after ${probed.assignmentEpoch}`);
  }
  probed.groupEpoch = groupEpoch;
  probed.assignmentEpoch = assignmentEpoch;
  judgeOwners(
    members.map(({ memberId, assignment }) => ({
      memberId,
      partitions: assignment.topicPartitions.flatMap(({ partitions }) => partitions),
    })),
    world,
  );
}

type DescribedClassic = NonNullable<Awaited<ReturnType<RawGroup['describe']>>>;

function judgeClassic({ members }: DescribedClassic, world: World): void {
  judgeOwners(
    members.map(({ memberId, memberAssignment }) => ({
      memberId,
      partitions: partitionsOf(Buffer.from(memberAssignment)),
    })),
    world,
  );
}

function judgeOwners(members: readonly { memberId: string; partitions: readonly number[] }[], world: World): void {
  const owners = new Map<number, string>();
  for (const { memberId, partitions } of members) {
    for (const partition of partitions) {
      const owner = owners.get(partition);
      if (owner !== undefined) world.violate('I-24', `${owner} and ${memberId} have partition ${partition}`);
      owners.set(partition, memberId);
    }
  }
}

function partitionsOf(assignment: Buffer): number[] {
  return (decodeConsumerAssignment(assignment)?.assignedPartitions ?? []).flatMap(({ partitions }) => partitions);
}

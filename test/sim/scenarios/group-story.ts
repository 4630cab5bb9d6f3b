/**
 * The life of a group in a story: members join, read to the end, commit and leave, each a command without a server, and a raw member
 * commits and asks. What was acked and put out is held against what later ones are shown.
 */

import { consumeInGroup } from './commands.ts';
import { CommitRegister } from './commit-register.ts';
import type { Tale } from './crash-story.ts';
import { GroupOutput } from './group-output.ts';
import { type ProbedGroup, probeGroup } from './group-prober.ts';
import { MembershipRegister } from './membership-register.ts';
import type { RawMemberPlan, RawRegisters } from './raw-client.ts';
import { startRawMember } from './raw-member.ts';

/** A log that failed stays offline for as long as its broker lives, which may be the member itself. */
const TIMEOUT_MS = 20_000;

interface GroupStory {
  readonly registers: RawRegisters;
  readonly output: GroupOutput;
  readonly probed: ProbedGroup;
}

const STORIES = new WeakMap<Tale, GroupStory>();

export async function liveInGroup(tale: Tale): Promise<void> {
  await readInGroup(tale);
  await commitRaw(tale, 'classic');
  await tale.feed(3);
  await readInGroup(tale);
  await commitRaw(tale, 'classic');
}

/** The group puts out and commits what is left, and knows what it was told. */
export async function judgeGroup(tale: Tale, endOffset: number): Promise<void> {
  const { world, machine, operation, crash } = tale.sim;
  const { output, probed } = storyOf(tale);
  const probe = probeGroup(machine, probed, operation, () => false, true);
  await tale.ended(probe);
  const code = await readInGroup(tale);
  if (code !== 0) world.violate('I-31', `the last member ended with ${code}`);
  await tale.ended(probeGroup(machine, probed, operation, () => false, true));
  const [putOut, committed] = [output.frontiers[0] ?? 0, output.committed[0] ?? -1];
  if (putOut !== endOffset) world.violate('I-25', `${putOut} of ${endOffset} records were put out`);
  if (committed !== endOffset) world.violate('I-23', `${committed} is committed at ${endOffset}`);
  if (crash === undefined && output.repeats > 0) world.violate('I-25', `${output.repeats} records came twice`);
  const rawCode = await commitRaw(tale, 'simple');
  if (rawCode !== 0) world.violate('I-31', `the last raw member ended with ${rawCode}`);
}

async function readInGroup(tale: Tale): Promise<number | undefined> {
  const { output, probed } = storyOf(tale);
  const { groupId, protocol } = probed;
  const membership = { groupId, protocol, by: 'directory', exitAtEnd: true, timeoutMs: TIMEOUT_MS } as const;
  const program = consumeInGroup(tale.sim.machine, 'member', membership);
  output.add(program);
  const code = await tale.ended(program);
  output.read();
  return code;
}

async function commitRaw(tale: Tale, kind: RawMemberPlan['kind']): Promise<number | undefined> {
  const { machine, operation } = tale.sim;
  const plan = {
    groupId: 'raw',
    partitions: 1,
    kind,
    instanceId: null,
    leaves: 'for good',
    roundCount: 6,
    restMs: 20,
    timeoutMs: TIMEOUT_MS,
  } as const;
  const events = { answered: operation, fenced: () => undefined, isExcused: () => false };
  return await tale.ended(startRawMember(machine, storyOf(tale).registers, 'raw', plan, events));
}

function storyOf(tale: Tale): GroupStory {
  const known = STORIES.get(tale);
  if (known !== undefined) return known;
  const { world, machine } = tale.sim;
  const registers = { commits: new CommitRegister(world), memberships: new MembershipRegister(world) };
  const output = new GroupOutput(machine, tale.ledger);
  const probed: ProbedGroup = {
    groupId: 'g',
    protocol: 'consumer',
    partitions: 1,
    output,
    groupEpoch: 0,
    assignmentEpoch: 0,
  };
  const story = { registers, output, probed };
  STORIES.set(tale, story);
  return story;
}

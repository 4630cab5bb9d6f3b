/** Every command by oclif's id; what `bin/build.js` makes the manifest from. */
import CheckLag from '../../commands/check/lag.ts';
import ClusterDescribe from '../../commands/cluster/describe.ts';
import Consume from '../../commands/consume.ts';
import Doctor from '../../commands/doctor.ts';
import GroupsClone from '../../commands/groups/clone.ts';
import GroupsCreate from '../../commands/groups/create.ts';
import GroupsDelete from '../../commands/groups/delete.ts';
import GroupsDescribe from '../../commands/groups/describe.ts';
import GroupsLag from '../../commands/groups/lag.ts';
import GroupsList from '../../commands/groups/list.ts';
import GroupsMembers from '../../commands/groups/members.ts';
import GroupsPeek from '../../commands/groups/peek.ts';
import GroupsReset from '../../commands/groups/reset.ts';
import GroupsWait from '../../commands/groups/wait.ts';
import GroupsWatch from '../../commands/groups/watch.ts';
import LogDump from '../../commands/log/dump.ts';
import LogIndexRebuild from '../../commands/log/index-rebuild.ts';
import LogStats from '../../commands/log/stats.ts';
import LogVerify from '../../commands/log/verify.ts';
import OffsetsDelete from '../../commands/offsets/delete.ts';
import OffsetsExport from '../../commands/offsets/export.ts';
import OffsetsGet from '../../commands/offsets/get.ts';
import OffsetsImport from '../../commands/offsets/import.ts';
import OffsetsSet from '../../commands/offsets/set.ts';
import Produce from '../../commands/produce.ts';
import Serve from '../../commands/serve.ts';
import TopicsCreate from '../../commands/topics/create.ts';
import TopicsDelete from '../../commands/topics/delete.ts';
import TopicsDescribe from '../../commands/topics/describe.ts';
import TopicsList from '../../commands/topics/list.ts';

export const commands = {
  'check:lag': CheckLag,
  'cluster:describe': ClusterDescribe,
  consume: Consume,
  doctor: Doctor,
  'groups:clone': GroupsClone,
  'groups:create': GroupsCreate,
  'groups:delete': GroupsDelete,
  'groups:describe': GroupsDescribe,
  'groups:lag': GroupsLag,
  'groups:list': GroupsList,
  'groups:members': GroupsMembers,
  'groups:peek': GroupsPeek,
  'groups:reset': GroupsReset,
  'groups:wait': GroupsWait,
  'groups:watch': GroupsWatch,
  'log:dump': LogDump,
  'log:index-rebuild': LogIndexRebuild,
  'log:stats': LogStats,
  'log:verify': LogVerify,
  'offsets:delete': OffsetsDelete,
  'offsets:export': OffsetsExport,
  'offsets:get': OffsetsGet,
  'offsets:import': OffsetsImport,
  'offsets:set': OffsetsSet,
  produce: Produce,
  serve: Serve,
  'topics:create': TopicsCreate,
  'topics:delete': TopicsDelete,
  'topics:describe': TopicsDescribe,
  'topics:list': TopicsList,
} as const;

export type CommandId = keyof typeof commands;

/** The id that the words of a command line name, and what comes after it. */
export function findCommandId(argv: readonly string[]): CommandId | undefined {
  const [first = '', second = ''] = argv;
  if (isCommandId(first)) return first;
  const joined = `${first}:${second}`;
  return isCommandId(joined) ? joined : undefined;
}

/** `topics create` for `topics:create`, as people type it. */
export function commandNames(): string[] {
  return Object.keys(commands).map((id) => id.replace(':', ' '));
}

function isCommandId(word: string): word is CommandId {
  return Object.hasOwn(commands, word);
}

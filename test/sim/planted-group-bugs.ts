/** Bugs of groups, as those of planted-bugs.ts: of what is committed, of who has which partition, of what a member puts out. */
import type { SourcePatch } from './bundle.ts';
import type { PlantedBug } from './planted-bugs.ts';

const WHERE = { lane: 'seeds', scenarios: ['groups'] } as const;

function change(file: string, find: string, replace: string): SourcePatch {
  return { file: `src/${file}`, find, replace };
}

export const PLANTED_GROUP_BUGS: readonly PlantedBug[] = [
  {
    ...WHERE,
    name: 'commit-answered-early',
    what: 'the coordinator answers before its records are committed',
    patches: [
      change(
        'coordinator/shard.ts',
        'if (committed !== undefined) this.#answers.afterAppend(committed, answers);',
        'if (committed !== undefined) this.#answers.afterAppend(committed, []);\n    for (const answer of answers) answer.give();',
      ),
    ],
  },
  {
    ...WHERE,
    name: 'load-stops-early',
    what: 'a load ends with the first read of the log',
    patches: [change('coordinator/load-log.ts', 'while (!options.isOver()) {', 'for (let at = 0; at < 1; at++) {')],
  },
  {
    ...WHERE,
    name: 'load-keeps-older-offset',
    what: 'of committed offsets that follow each other a load replays the first',
    patches: [change('coordinator/latest-offsets.ts', 'latest.source = source;', 'if (latest.start >= 0) return;')],
  },
  {
    ...WHERE,
    name: 'tombstone-not-replayed',
    what: 'a load passes over the tombstones of a group’s members',
    patches: [change('groups/consumer-replay.ts', 'group.removeMember(memberId);', 'void memberId;')],
  },
  {
    ...WHERE,
    name: 'generation-not-checked',
    what: 'a commit of an earlier generation is taken',
    isQuick: true,
    patches: [
      change(
        'groups/classic-groups.ts',
        "if (who.generationOrEpoch !== group.generation) throw new KafkaError('ILLEGAL_GENERATION');",
        '',
      ),
    ],
  },
  {
    ...WHERE,
    name: 'given-before-let-go',
    what: 'a partition is given to a member while another one has it',
    patches: [
      change(
        'groups/consumer-reconcile.ts',
        'const isFree = owner === undefined || owner === member.memberId;',
        'const isFree = owner !== null;',
      ),
    ],
  },
  {
    ...WHERE,
    name: 'session-not-renewed',
    what: 'neither heartbeats nor commits prolong the session of a member',
    patches: [
      change('groups/classic-leave.ts', 'keepAlive(host, group, member, now);', 'void keepAlive;'),
      change(
        'groups/classic-groups.ts',
        'caller);\n    keepAlive(this.#host, group, member, now);',
        'caller);\n    void now;',
      ),
    ],
  },
  {
    ...WHERE,
    name: 'leave-does-not-remove',
    what: 'who leaves a group stays in it',
    patches: [
      change('groups/classic-leave.ts', 'removeMember(host, group, memberIdOf(group, memberId, groupInstanceId));', ''),
    ],
  },
  {
    ...WHERE,
    name: 'committed-not-asked-for',
    what: 'a member begins where the group’s start is, not where it has committed',
    isQuick: true,
    patches: [change('client/group-positions.ts', 'const wanted = found ?? starts', 'const wanted = starts')],
  },
  {
    ...WHERE,
    name: 'newest-record-compacted',
    what: 'compaction drops the newest record of a key',
    patches: [change('log/compaction/offset-map.ts', 'Math.max(this.#offsets[slot] ?? 0, offset + 1);', 'offset + 2;')],
  },
  {
    ...WHERE,
    name: 'epoch-begins-anew',
    what: 'the epoch of a group of KIP-848 is not what its record says after a load',
    patches: [
      change('groups/consumer-replay.ts', 'group.groupEpoch = record.value?.epoch ?? 0;', 'group.groupEpoch += 1;'),
    ],
  },
  {
    ...WHERE,
    name: 'position-committed',
    what: 'a member commits up to where it has read, not up to what its output has accepted',
    patches: [
      change(
        'client/group-progress.ts',
        'if (progress === undefined || progress.accepted === progress.committed) continue;',
        'if (progress === undefined) continue;',
      ),
      change(
        'client/group-progress.ts',
        'offset: progress.accepted, cursor });',
        'offset: cursor.decodedOffset ?? progress.accepted, cursor });',
      ),
    ],
  },
  {
    ...WHERE,
    name: 'replaced-not-fenced',
    what: 'who names the instance id of a member is taken for it',
    patches: [
      change(
        'groups/classic-group.ts',
        "if (holder !== undefined && holder !== memberId) throw new KafkaError('FENCED_INSTANCE_ID');",
        'if (holder !== undefined) return group.members.get(holder);',
      ),
    ],
  },
  {
    ...WHERE,
    name: 'static-return-rebalances',
    what: 'a static member of a classic group that comes back in time makes it rebalance',
    patches: [
      change(
        'groups/classic-join.ts',
        'else if (!keepsGeneration(joining)) prepareRebalance',
        'else if (!keepsGeneration(joining) || now.nowMs >= 0) prepareRebalance',
      ),
    ],
  },
  {
    ...WHERE,
    name: 'pause-taken-for-leave',
    what: 'a static member of KIP-848 that leaves for a while loses its place',
    patches: [change('groups/consumer-heartbeat.ts', 'if (memberEpoch === LEFT_FOR_A_WHILE)', 'if (memberEpoch > 0)')],
  },
  {
    ...WHERE,
    name: 'living-instance-replaced',
    what: 'who joins a group of KIP-848 as an instance takes the place of a member that lives',
    patches: [
      change(
        'groups/consumer-identity.ts',
        'if (known.memberEpoch === LEFT_FOR_A_WHILE) {',
        'if (known.memberId !== memberId) {',
      ),
    ],
  },
];

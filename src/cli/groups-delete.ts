/** `streamctl groups delete` */

import { ClientError } from '../client/client-error.ts';
import { deleteGroup, findGroup } from '../client/group-admin.ts';
import { fetchGroupOffsets } from '../client/group-offsets-admin.ts';
import { documentOf, forEachName, printDocument } from './document.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import { checkGroupNames, withGroupAdmin } from './groups-admin.ts';
import { consent, refuseMembers } from './groups-plan.ts';
import type { Host } from './host.ts';
import { table } from './table.ts';

export interface DeleteCommand {
  readonly groups: readonly string[];
  readonly ifExists: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

interface DeletedGroup {
  readonly groupId: string;
  /** Committed ones, that go with it. */
  readonly offsets: number;
  readonly exists: boolean;
  readonly deleted: boolean;
}

export async function runGroupsDelete(host: Host, common: CommonOptions, command: DeleteCommand): Promise<ExitCode> {
  const { groups, ifExists, dryRun, yes } = command;
  checkGroupNames(groups);
  return withGroupAdmin(host, common, async (admin) => {
    const plan: DeletedGroup[] = [];
    const refused = await forEachName(new Set(groups), async (groupId) => {
      const group = await findGroup(admin, groupId);
      if (group === undefined && !ifExists) throw new ClientError('not-found', `there is no group '${groupId}'`);
      if (group !== undefined && group.members.length > 0) {
        throw new ClientError('conflict', `group '${groupId}' has members (it is ${group.state}); stop them first`);
      }
      refuseMembers(group);
      const offsets = group === undefined ? 0 : (await fetchGroupOffsets(admin, groupId)).length;
      plan.push({ groupId, offsets, exists: group !== undefined, deleted: false });
    });
    const doomed = plan.filter(({ exists }) => exists);
    const items = new Map(plan.map((item) => [item.groupId, item]));
    if (!dryRun && doomed.length > 0) {
      const lines = doomed.map(({ groupId, offsets }) => `group '${groupId}' with ${offsets} offset(s) is deleted`);
      if (!(await consent(host, yes, lines))) return EXIT.unmet;
      const failed = await forEachName(
        doomed.map(({ groupId }) => groupId),
        async (groupId) => {
          const item = items.get(groupId);
          items.delete(groupId);
          await deleteGroup(admin, groupId);
          if (item !== undefined) items.set(groupId, { ...item, deleted: true });
        },
      );
      refused.push(...failed);
    }
    return printDocument(host, common, documentOf('groups.delete', [...items.values()], refused), (told, style) =>
      table(
        ['GROUP', 'OFFSETS', 'RESULT'],
        told.map(({ groupId, offsets, exists, deleted }) => [
          groupId,
          String(offsets),
          deleted ? 'deleted' : exists ? 'would be deleted' : 'is not there',
        ]),
        style,
      ),
    );
  });
}

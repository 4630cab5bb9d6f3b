/**
 * ListGroups (16), versions 0-5: all groups that the client may see, filtered by state (v4) and type (v5), whatever their case. An empty
 * filter lets all pass. Source: KafkaApis.handleListGroupsRequest, GroupMetadataManager.listGroups (Kafka 4.x).
 */

import type { ListGroups } from '../../protocol/apis/index.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { CLUSTER, groupResource } from '../authorize.ts';
import { codeOf, NO_ERROR } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type ListRequest = RequestOf<typeof ListGroups>;
type ListResponse = ResponseOf<typeof ListGroups>;
type ListedGroup = ListResponse['groups'][number];

export async function handleListGroups(services: BrokerServices, request: ListRequest, call: Call): Promise<Reply> {
  const throttleTimeMs = services.throttleTimeMs(call.context);
  let message: ListResponse;
  try {
    const lists = await services.groups.callAll<readonly ListedGroup[]>(call, (machine, asked, now) =>
      machine.listGroups(asked, now),
    );
    message = { throttleTimeMs, errorCode: NO_ERROR, groups: visible(services, request, lists.flat(), call) };
  } catch (error) {
    message = { throttleTimeMs, errorCode: codeOf(services, error), groups: [] };
  }
  return { message };
}

function visible(
  { authorize }: BrokerServices,
  { statesFilter, typesFilter }: ListRequest,
  groups: readonly ListedGroup[],
  { context }: Call,
): ListedGroup[] {
  const states = filterOf(statesFilter);
  const types = filterOf(typesFilter);
  const seesAll = authorize(context, 'describe', CLUSTER);
  return groups.filter(
    ({ groupId, groupState, groupType }) =>
      states(groupState) && types(groupType) && (seesAll || authorize(context, 'describe', groupResource(groupId))),
  );
}

function filterOf(wanted: readonly string[]): (name: string) => boolean {
  const names = new Set(wanted.map((name) => name.toLowerCase()));
  return (name) => names.size === 0 || names.has(name.toLowerCase());
}

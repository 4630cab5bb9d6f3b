/**
 * DeleteGroups (42), versions 0-2: groups without members, with their offsets, each with an error of its own.
 * Source: KafkaApis.handleDeleteGroupsRequest (Kafka 4.x).
 */

import type { DeleteGroups } from '../../protocol/apis/index.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { answerGroups, authorizeGroup, codeOf } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type DeleteResponse = ResponseOf<typeof DeleteGroups>;
type DeletedGroup = DeleteResponse['results'][number];

export async function handleDeleteGroups(
  services: BrokerServices,
  request: RequestOf<typeof DeleteGroups>,
  call: Call,
): Promise<Reply> {
  const deleteOne = async (groupId: string): Promise<DeletedGroup> => {
    try {
      authorizeGroup(services, call.context, 'delete', groupId);
      return await services.groups.callKnown<DeletedGroup>(groupId, call, (machine, asked, now) =>
        machine.deleteGroup(asked, groupId, now),
      );
    } catch (error) {
      return { groupId, errorCode: codeOf(services, error) };
    }
  };
  const results = await answerGroups(services, new Set(request.groupsNames), deleteOne);
  const message: DeleteResponse = { throttleTimeMs: services.throttleTimeMs(call.context), results };
  return { message };
}

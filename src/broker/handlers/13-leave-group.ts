/** LeaveGroup (13), versions 0-5; from v3 on many members at once. Source: KafkaApis.handleLeaveGroupRequest (Kafka 4.x). */

import type { LeaveGroup } from '../../protocol/apis/index.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { authorizeGroup, codeOf } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type LeaveResponse = ResponseOf<typeof LeaveGroup>;

export async function handleLeaveGroup(
  services: BrokerServices,
  request: RequestOf<typeof LeaveGroup>,
  call: Call,
): Promise<Reply> {
  const throttleTimeMs = services.throttleTimeMs(call.context);
  let message: LeaveResponse;
  try {
    authorizeGroup(services, call.context, 'read', request.groupId);
    const answer = await services.groups.call<LeaveResponse>(request.groupId, call, (machine, asked, now) =>
      machine.leaveGroup(asked, request, now),
    );
    message = { ...answer, throttleTimeMs };
  } catch (error) {
    message = { throttleTimeMs, errorCode: codeOf(services, error), members: [] };
  }
  return { message };
}

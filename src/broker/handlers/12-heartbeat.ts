/** Heartbeat (12), versions 0-4: a classic group's member is alive. Source: KafkaApis.handleHeartbeatRequest (Kafka 4.x). */

import type { Heartbeat } from '../../protocol/apis/index.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { authorizeGroup, codeOf } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type HeartbeatResponse = ResponseOf<typeof Heartbeat>;

export async function handleHeartbeat(
  services: BrokerServices,
  request: RequestOf<typeof Heartbeat>,
  call: Call,
): Promise<Reply> {
  const throttleTimeMs = services.throttleTimeMs(call.context);
  let message: HeartbeatResponse;
  try {
    authorizeGroup(services, call.context, 'read', request.groupId);
    const answer = await services.groups.call<HeartbeatResponse>(request.groupId, call, (machine, asked, now) =>
      machine.heartbeat(asked, request, now),
    );
    message = { ...answer, throttleTimeMs };
  } catch (error) {
    message = { throttleTimeMs, errorCode: codeOf(services, error) };
  }
  return { message };
}

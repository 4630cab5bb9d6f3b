/**
 * SyncGroup (14), versions 0-5: the leader brings the assignments of a generation, everybody waits for them.
 * Source: KafkaApis.handleSyncGroupRequest (Kafka 4.x).
 */

import type { SyncGroup } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { authorizeGroup, codeOf, ownBytes } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type SyncRequest = RequestOf<typeof SyncGroup>;
type SyncResponse = ResponseOf<typeof SyncGroup>;

/** The first version in which a member has to say which protocol it took the generation for (KIP-559). */
const PROTOCOL_VERSION = 5;

export async function handleSyncGroup(services: BrokerServices, request: SyncRequest, call: Call): Promise<Reply> {
  const assignments = request.assignments.map(({ memberId, assignment }) => ({
    memberId,
    assignment: ownBytes(assignment),
  }));
  const own = { ...request, assignments };
  const throttleTimeMs = services.throttleTimeMs(call.context);
  let message: SyncResponse;
  try {
    if (call.version >= PROTOCOL_VERSION && (request.protocolType === null || request.protocolName === null)) {
      throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL');
    }
    authorizeGroup(services, call.context, 'read', request.groupId);
    const answer = await services.groups.call<SyncResponse>(request.groupId, call, (machine, asked, now) =>
      machine.syncGroup(asked, own, now),
    );
    message = { ...answer, throttleTimeMs };
  } catch (error) {
    const code = codeOf(services, error);
    message = { throttleTimeMs, errorCode: code, protocolType: null, protocolName: null, assignment: Buffer.alloc(0) };
  }
  return { message };
}

/**
 * JoinGroup (11), versions 0-9: answered when the group's next generation is known, or at once where it is known already. The call
 * waits meanwhile without holding its connection's other requests back from being served.
 *
 * Source: KafkaApis.handleJoinGroupRequest (Kafka 4.x).
 */

import type { JoinGroup } from '../../protocol/apis/index.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { authorizeGroup, checkMetadataBytes, checkNames, codeOf, ownBytes } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type JoinRequest = RequestOf<typeof JoinGroup>;
type JoinResponse = ResponseOf<typeof JoinGroup>;

/** From this version on an answer without a protocol has null for it, before an empty name. */
const NULL_PROTOCOL_VERSION = 7;
const NO_GENERATION = -1;

export async function handleJoinGroup(services: BrokerServices, request: JoinRequest, call: Call): Promise<Reply> {
  const throttleTimeMs = services.throttleTimeMs(call.context);
  try {
    authorizeGroup(services, call.context, 'read', request.groupId);
    checkNames([request.groupInstanceId, request.protocolType, ...request.protocols.map(({ name }) => name)]);
    checkMetadataBytes(request.protocols.reduce((sum, { metadata }) => sum + metadata.length, 0));
    const protocols = request.protocols.map(({ name, metadata }) => ({ name, metadata: ownBytes(metadata) }));
    const own = { ...request, protocols };
    const answer = await services.groups.call<JoinResponse>(request.groupId, call, (machine, asked, now) =>
      machine.joinGroup(asked, own, now),
    );
    return { message: { ...answer, throttleTimeMs } };
  } catch (error) {
    const message: JoinResponse = {
      throttleTimeMs,
      errorCode: codeOf(services, error),
      generationId: NO_GENERATION,
      protocolType: null,
      protocolName: call.version >= NULL_PROTOCOL_VERSION ? null : '',
      leader: '',
      skipAssignment: false,
      memberId: request.memberId,
      members: [],
    };
    return { message };
  }
}

/**
 * DescribeGroups (15), versions 0-6, each group with an error of its own. Source: KafkaApis.handleDescribeGroupsRequest (Kafka 4.x).
 */

import { OPERATIONS_NOT_ASKED } from '../../protocol/apis/03-metadata.ts';
import type { DescribeGroups } from '../../protocol/apis/index.ts';
import { errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { authorizedOperations, groupResource } from '../authorize.ts';
import { type Failure, failureOf } from '../failure.ts';
import { answerGroups, authorizeGroup, NO_ERROR } from '../group-calls.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type DescribeResponse = ResponseOf<typeof DescribeGroups>;
type DescribedGroup = DescribeResponse['groups'][number];

/** The first version whose errors have a text, and for which a group that is not there is one. */
const MESSAGE_VERSION = 6;
const NOT_FOUND = errorCode('GROUP_ID_NOT_FOUND');

export async function handleDescribeGroups(
  services: BrokerServices,
  request: RequestOf<typeof DescribeGroups>,
  call: Call,
): Promise<Reply> {
  const describe = async (groupId: string): Promise<DescribedGroup> => {
    try {
      authorizeGroup(services, call.context, 'describe', groupId);
      const described = await services.groups.callKnown<DescribedGroup>(groupId, call, (machine, asked, now) =>
        machine.describeGroup(asked, groupId, now),
      );
      const isTold = request.includeAuthorizedOperations && described.errorCode === NO_ERROR;
      const operations = isTold
        ? authorizedOperations(services.authorize, call.context, groupResource(groupId))
        : OPERATIONS_NOT_ASKED;
      return { ...described, authorizedOperations: operations };
    } catch (error) {
      return undescribed(groupId, failureOf(services.env.log, error), call.version);
    }
  };
  const groups = await answerGroups(services, new Set(request.groups), describe);
  const message: DescribeResponse = { throttleTimeMs: services.throttleTimeMs(call.context), groups };
  return { message };
}

function undescribed(groupId: string, failure: Failure, version: number): DescribedGroup {
  const isNotThere = failure.errorCode === NOT_FOUND;
  return {
    errorCode: isNotThere && version < MESSAGE_VERSION ? NO_ERROR : failure.errorCode,
    errorMessage: version < MESSAGE_VERSION ? null : failure.errorMessage,
    groupId,
    groupState: isNotThere ? 'Dead' : '',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: OPERATIONS_NOT_ASKED,
  };
}

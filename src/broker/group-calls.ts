/** What the handlers of group APIs have in common. */

import { KafkaError } from '../protocol/errors.ts';
import { groupResource, type Operation, topicResource } from './authorize.ts';
import { failureOf, NO_FAILURE } from './failure.ts';
import type { RequestContext } from './request.ts';
import type { BrokerServices } from './services.ts';

/** In UTF-16 units: a group's records hold its names with a length of 16 bits, in bytes of which a unit takes up to three. */
const NAME_LENGTH_MAX = 10_000;

/** Throws KafkaError GROUP_AUTHORIZATION_FAILED, or INVALID_GROUP_ID for a name that no record could hold. */
export function authorizeGroup(
  { authorize }: BrokerServices,
  context: RequestContext,
  operation: Operation,
  groupId: string,
): void {
  if (groupId.length > NAME_LENGTH_MAX) throw new KafkaError('INVALID_GROUP_ID', 'the name of the group is too long');
  if (!authorize(context, operation, groupResource(groupId))) throw new KafkaError('GROUP_AUTHORIZATION_FAILED');
}

/** What becomes part of a group's records has to fit into them. Throws KafkaError INVALID_REQUEST. */
export function checkNames(names: readonly (string | null)[]): void {
  const tooLong = names.find((name): name is string => name !== null && name.length > NAME_LENGTH_MAX);
  if (tooLong === undefined) return;
  throw new KafkaError('INVALID_REQUEST', `a name of ${tooLong.length} characters; it has at most ${NAME_LENGTH_MAX}`);
}

/** Of one member: it is kept as long as the member is, and a group's record with more would not be taken. */
const METADATA_BYTES_MAX = 1 << 20;

/** Throws KafkaError INVALID_REQUEST. */
export function checkMetadataBytes(byteCount: number): void {
  if (byteCount <= METADATA_BYTES_MAX) return;
  throw new KafkaError('INVALID_REQUEST', `${byteCount} bytes of metadata; a member has at most ${METADATA_BYTES_MAX}`);
}

export function mayUseTopic(
  { authorize }: BrokerServices,
  context: RequestContext,
  operation: Operation,
  name: string,
): boolean {
  return authorize(context, operation, topicResource(name));
}

/** The code of what a call was refused with, or failed for. */
export function codeOf({ env }: BrokerServices, error: unknown): number {
  return failureOf(env.log, error).errorCode;
}

/**
 * The same for APIs whose clients do not know COORDINATOR_NOT_AVAILABLE as an answer.
 * Source: Kafka's CoordinatorOperationExceptionHelper.java, GroupCoordinatorService.java (fetchOffsets).
 */
export function codeOfRead(services: BrokerServices, error: unknown): number {
  const isNotThere = error instanceof KafkaError && error.errorName === 'COORDINATOR_NOT_AVAILABLE';
  return codeOf(services, isNotThere ? new KafkaError('NOT_COORDINATOR', error.message, { cause: error }) : error);
}

/** Groups of one request that are asked for at a time. */
const GROUPS_AT_A_TIME = 500;

/** What `ask`, which never rejects, answers for each of `asked`, a group each, in their order; others get their turn in between. */
export async function answerGroups<Asked, Answer>(
  { env }: Pick<BrokerServices, 'env'>,
  asked: Iterable<Asked>,
  ask: (one: Asked) => Promise<Answer>,
): Promise<Answer[]> {
  const all = [...asked];
  const answers: Answer[] = [];
  for (let at = 0; at < all.length; at += GROUPS_AT_A_TIME) {
    if (at > 0) await env.clock.sleep(0);
    answers.push(...(await Promise.all(all.slice(at, at + GROUPS_AT_A_TIME).map(ask))));
  }
  return answers;
}

export const NO_ERROR = NO_FAILURE.errorCode;

/** A copy with memory of its own: the request's is used again once it was decoded, and members outlive it. */
export function ownBytes(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

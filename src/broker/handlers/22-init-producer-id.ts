/**
 * InitProducerId (22), versions 0-5, for idempotent producers: always a fresh id with epoch 0, whatever id and epoch the
 * client says it has, as Kafka does without a transactional id.
 *
 * Skipped: transactions. A transactional id is refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED: of the errors that this
 * API may answer, the Java client and librdkafka both take it for final and give up at once.
 * Source: KafkaApis.handleInitProducerIdRequest, TransactionCoordinator.handleInitProducerId (Kafka 4.x).
 */

import type { InitProducerId } from '../../protocol/apis/index.ts';
import { errorCode, KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { CLUSTER } from '../authorize.ts';
import { failureOf } from '../failure.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type InitProducerIdRequest = RequestOf<typeof InitProducerId>;

const NO_PRODUCER_ID = -1n;
const NO_PRODUCER_EPOCH = -1;

export async function handleInitProducerId(
  services: BrokerServices,
  request: InitProducerIdRequest,
  call: Call,
): Promise<Reply> {
  const throttleTimeMs = services.throttleTimeMs(call.context);
  try {
    checkRequest(services, request, call);
    const producerId = await services.session.nextProducerId();
    return answer({ throttleTimeMs, errorCode: errorCode('NONE'), producerId, producerEpoch: 0 });
  } catch (error) {
    return answer({
      throttleTimeMs,
      errorCode: failureOf(services.env.log, error).errorCode,
      producerId: NO_PRODUCER_ID,
      producerEpoch: NO_PRODUCER_EPOCH,
    });
  }
}

function answer(message: ResponseOf<typeof InitProducerId>): Reply {
  return { message };
}

function checkRequest(services: BrokerServices, request: InitProducerIdRequest, { context }: Call): void {
  const { transactionalId, producerId, producerEpoch } = request;
  if ((producerId === NO_PRODUCER_ID) !== (producerEpoch === NO_PRODUCER_EPOCH)) {
    throw new KafkaError('INVALID_REQUEST', 'a producer id comes with its epoch');
  }
  if (transactionalId === '') throw new KafkaError('INVALID_REQUEST', 'a transactional id cannot be empty');
  if (transactionalId !== null) throw new KafkaError('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  if (!services.authorize(context, 'idempotentWrite', CLUSTER)) throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED');
}

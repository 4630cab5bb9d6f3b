import { InitProducerId } from '../protocol/apis/22-init-producer-id.ts';
import { errorName, isRetriable } from '../protocol/errors.ts';
import { Backoff } from './backoff.ts';
import { type Caller, call, pauseBeforeRetry } from './call.ts';
import { refusal } from './refusal.ts';
import { ANY_NODE } from './transport.ts';

/** What marks the batches of one idempotent producer. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** Any broker hands one out. Throws `ClientError`. */
export async function initProducerId(caller: Caller): Promise<ProducerIdentity> {
  const backoff = new Backoff(caller.env.random);
  for (;;) {
    const answer = await call(caller, ANY_NODE, InitProducerId, {
      transactionalId: null,
      transactionTimeoutMs: 0,
      producerId: -1n,
      producerEpoch: -1,
    });
    if (answer.errorCode === 0) return { producerId: answer.producerId, producerEpoch: answer.producerEpoch };
    const refused = refusal(answer.errorCode, 'no producer id was given');
    if (!isRetriable(errorName(answer.errorCode))) throw refused;
    await pauseBeforeRetry(caller, backoff, refused);
  }
}

/** Answers a request partition by partition, for APIs in which each has an error code of its own. */

import { type Failure, failureOf } from './failure.ts';
import { isTurnDue } from './loop-turns.ts';
import type { BrokerServices } from './services.ts';

/**
 * What `ask` answers for each of `asked`, in the same order and one after the other; what it throws becomes the answer that
 * `failed` makes of it. Others get their turn in between.
 */
export async function answerEach<Asked, Answer>(
  { env }: BrokerServices,
  asked: readonly Asked[],
  ask: (one: Asked) => Answer | Promise<Answer>,
  failed: (one: Asked, failure: Failure) => Answer,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const one of asked) {
    if (isTurnDue(answers.length)) await env.clock.sleep(0);
    try {
      answers.push(await ask(one));
    } catch (error) {
      answers.push(failed(one, failureOf(env.log, error)));
    }
  }
  return answers;
}

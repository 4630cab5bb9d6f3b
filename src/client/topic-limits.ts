import { DescribeConfigs } from '../protocol/apis/32-describe-configs.ts';
import type { ResponseOf } from '../protocol/schema.ts';
import { type Caller, call } from './call.ts';
import { ClientError } from './client-error.ts';
import { ANY_NODE } from './transport.ts';

/** Kafka's default of max.message.bytes. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;

const TOPIC_RESOURCE = 2;
const CONFIG_NAME = 'max.message.bytes';

/**
 * The largest batch that the topic takes, header included. A broker that does not tell, or does not tell us, is taken to
 * have Kafka's default.
 */
export async function topicMaxMessageBytes(caller: Caller, topic: string): Promise<number> {
  const results = await describe(caller, topic);
  const value = results[0]?.configs.find((config) => config.name === CONFIG_NAME)?.value;
  const bytes = Number(value ?? Number.NaN);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : DEFAULT_MAX_MESSAGE_BYTES;
}

async function describe(caller: Caller, topic: string): Promise<ResponseOf<typeof DescribeConfigs>['results']> {
  try {
    const resource = { resourceType: TOPIC_RESOURCE, resourceName: topic, configurationKeys: [CONFIG_NAME] };
    const answer = await call(caller, ANY_NODE, DescribeConfigs, {
      resources: [resource],
      includeSynonyms: false,
      includeDocumentation: false,
    });
    return answer.results;
  } catch (error) {
    // The broker is too old to have the API.
    if (error instanceof ClientError && error.kind === 'refused') return [];
    throw error;
  }
}

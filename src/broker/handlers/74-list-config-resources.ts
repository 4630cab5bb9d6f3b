/**
 * ListConfigResources (74), versions 0-1: the names of what has configs. v0 lists client metrics, of which there are none; v1 the
 * types asked for, or all. Groups have no configs of their own here.
 *
 * Source: KafkaApis.handleListConfigResources (Kafka 4.x).
 */

import type { ListConfigResources } from '../../protocol/apis/index.ts';
import { type ErrorName, errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { CLUSTER } from '../authorize.ts';
import {
  BROKER_LOGGER_RESOURCE,
  BROKER_RESOURCE,
  CLIENT_METRICS_RESOURCE,
  GROUP_RESOURCE,
  TOPIC_RESOURCE,
} from '../config-resources.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type ResourcesRequest = RequestOf<typeof ListConfigResources>;
type ResourcesResponse = ResponseOf<typeof ListConfigResources>;

/** The types that may be asked for, by version. */
const ALL_TYPES = [
  TOPIC_RESOURCE,
  BROKER_RESOURCE,
  BROKER_LOGGER_RESOURCE,
  CLIENT_METRICS_RESOURCE,
  GROUP_RESOURCE,
] as const;
const TYPES_OF_VERSION = [[CLIENT_METRICS_RESOURCE], ALL_TYPES] as const;

export function handleListConfigResources(
  services: BrokerServices,
  { resourceTypes }: ResourcesRequest,
  { version, context }: Call,
): Promise<Reply> {
  const known: readonly number[] = TYPES_OF_VERSION[version] ?? ALL_TYPES;
  const types = new Set(resourceTypes.length === 0 ? known : resourceTypes);
  let refusal: ErrorName = 'NONE';
  if (!services.authorize(context, 'describeConfigs', CLUSTER)) refusal = 'CLUSTER_AUTHORIZATION_FAILED';
  else if ([...types].some((type) => !known.includes(type))) refusal = 'UNSUPPORTED_VERSION';
  const message: ResourcesResponse = {
    throttleTimeMs: services.throttleTimeMs(context),
    errorCode: errorCode(refusal),
    configResources: refusal === 'NONE' ? [...types].flatMap((type) => resourcesOf(services, type)) : [],
  };
  return Promise.resolve({ message });
}

function resourcesOf({ session }: BrokerServices, resourceType: number): ResourcesResponse['configResources'] {
  const { topics, brokers } = session.image();
  const named = (names: Iterable<string | number>) =>
    [...names].map((name) => ({ resourceName: String(name), resourceType }));
  switch (resourceType) {
    case TOPIC_RESOURCE:
      return named(topics.keys());
    case BROKER_RESOURCE:
    case BROKER_LOGGER_RESOURCE:
      return named(brokers.keys());
    default:
      return [];
  }
}

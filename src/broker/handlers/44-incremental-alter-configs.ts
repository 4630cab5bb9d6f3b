/**
 * IncrementalAlterConfigs (44), versions 0-1, for topics: set, delete, append and subtract, each resource whole or not at all.
 * A config without an effect is refused with INVALID_CONFIG. validateOnly checks and writes nothing.
 *
 * Skipped: broker settings, which are given to the broker when it starts; loggers, client metrics and groups.
 * Source: ConfigurationControlManager.incrementalAlterConfigs (Kafka 4.x).
 */

import type { IncrementalAlterConfigs } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { topicResource } from '../authorize.ts';
import { configChanges } from '../config-changes.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { repeated } from '../repeated.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';
import { topicConfigNamed, topicConfigValues } from '../topic-configs.ts';
import { BROKER_RESOURCE, TOPIC_RESOURCE } from './32-describe-configs.ts';

type AlterRequest = RequestOf<typeof IncrementalAlterConfigs>;
type ResourceAsked = AlterRequest['resources'][number];
type ResourceAltered = ResponseOf<typeof IncrementalAlterConfigs>['responses'][number];

export async function handleIncrementalAlterConfigs(
  services: BrokerServices,
  request: AlterRequest,
  { context }: Call,
): Promise<Reply> {
  const twice = repeated(request.resources.map(keyOf));
  const responses: ResourceAltered[] = [];
  for (const resource of request.resources) {
    const { resourceType, resourceName } = resource;
    try {
      if (twice.has(keyOf(resource))) throw new KafkaError('INVALID_REQUEST', 'the resource stands there twice');
      await alterOne(services, resource, request.validateOnly, context);
      responses.push({ ...NO_FAILURE, resourceType, resourceName });
    } catch (error) {
      responses.push({ ...failureOf(services.env.log, error), resourceType, resourceName });
    }
  }
  const message: ResponseOf<typeof IncrementalAlterConfigs> = {
    throttleTimeMs: services.throttleTimeMs(context),
    responses,
  };
  return { message };
}

async function alterOne(
  { session, partitions, settings, authorize }: BrokerServices,
  { resourceType, resourceName, configs }: ResourceAsked,
  validateOnly: boolean,
  context: RequestContext,
): Promise<void> {
  if (resourceType === BROKER_RESOURCE) {
    throw new KafkaError(
      'INVALID_REQUEST',
      'broker settings cannot be changed while it runs; give them to serve by -X',
    );
  }
  if (resourceType !== TOPIC_RESOURCE) {
    throw new KafkaError('INVALID_REQUEST', `resources of type ${resourceType} have no configs here`);
  }
  if (!authorize(context, 'alterConfigs', topicResource(resourceName))) {
    throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  }
  const topic = partitions.topicNamed(resourceName);
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  const changes = configChanges(configs, ({ name }) => {
    const definition = topicConfigNamed(name);
    return definition === undefined ? '' : topicConfigValues(definition, topic.configs, settings.explicit)[0].value;
  });
  if (!validateOnly && changes.size > 0) await session.alterTopicConfigs(topic.topicId, changes);
}

function keyOf({ resourceType, resourceName }: ResourceAsked): string {
  return `${resourceType} ${resourceName}`;
}

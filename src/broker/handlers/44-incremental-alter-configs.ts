/**
 * IncrementalAlterConfigs (44), versions 0-1: set, delete, append and subtract for topics, for this broker by its id and for all
 * brokers by an empty name, each resource whole or not at all. What is kept works at once. validateOnly checks and writes nothing.
 *
 * Skipped: loggers, client metrics and groups, which have no configs here.
 * Source: ConfigurationControlManager.incrementalAlterConfigs, ConfigAdminManager (Kafka 4.x).
 */

import type { IncrementalAlterConfigs } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { configChanges } from '../config-changes.ts';
import { alterableResource } from '../config-resources.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { LoopTurns } from '../loop-turns.ts';
import { repeated } from '../repeated.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

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
  const turns = new LoopTurns(services.env.clock);
  for (const resource of request.resources) {
    if (turns.isDue()) await turns.next();
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
  services: BrokerServices,
  { resourceType, resourceName, configs }: ResourceAsked,
  validateOnly: boolean,
  context: RequestContext,
): Promise<void> {
  const resource = alterableResource(services, resourceType, resourceName, context);
  const changes = configChanges(resource, configs, (definition) => resource.present(definition));
  resource.check(changes);
  if (!validateOnly && changes.size > 0) await resource.apply(changes);
}

function keyOf({ resourceType, resourceName }: ResourceAsked): string {
  return `${resourceType} ${resourceName}`;
}

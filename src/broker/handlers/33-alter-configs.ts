/**
 * AlterConfigs (33), versions 0-2: replaces all that a topic, this broker (by its id) or all brokers (by an empty name) set
 * themselves; a config that is not named goes back to its default. Each resource whole or not at all. validateOnly checks and
 * writes nothing.
 *
 * Skipped: loggers, client metrics and groups, which have no configs here.
 * Source: ConfigurationControlManager.legacyAlterConfigs, ConfigAdminManager (Kafka 4.x).
 */

import type { AlterConfigs } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { configReplacement } from '../config-changes.ts';
import { alterableResource } from '../config-resources.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { LoopTurns } from '../loop-turns.ts';
import { repeated } from '../repeated.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

type AlterRequest = RequestOf<typeof AlterConfigs>;
type ResourceAsked = AlterRequest['resources'][number];
type ResourceAltered = ResponseOf<typeof AlterConfigs>['responses'][number];

export async function handleAlterConfigs(
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
  const message: ResponseOf<typeof AlterConfigs> = {
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
  const changes = configReplacement(resource, configs, resource.own.keys());
  resource.check(changes);
  if (!validateOnly && changes.size > 0) await resource.apply(changes);
}

function keyOf({ resourceType, resourceName }: ResourceAsked): string {
  return `${resourceType} ${resourceName}`;
}

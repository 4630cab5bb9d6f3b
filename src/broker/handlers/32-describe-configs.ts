/**
 * DescribeConfigs (32), versions 1-4: topics, this broker by its id, and the settings kept for all brokers by an empty name.
 * Only configs that have an effect are listed, with their synonyms from most to least specific if asked for.
 *
 * Skipped: loggers, client metrics and groups, which have no configs here.
 * Source: ConfigHelper.describeConfigs (Kafka 4.x).
 */

import type { DescribeConfigs } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { problemWithTopicName } from '../../protocol/topic-names.ts';
import { CLUSTER, topicResource } from '../authorize.ts';
import { brokerFacts } from '../broker-facts.ts';
import { brokerSettingDefinitions } from '../broker-settings.ts';
import type { ConfigDefinition, ConfigType } from '../config-definition.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';
import type { ConfigValue } from '../topic-configs.ts';
import { CONFIG_SOURCE, TOPIC_CONFIGS, topicConfigValues } from '../topic-configs.ts';

type DescribeConfigsRequest = RequestOf<typeof DescribeConfigs>;
type ResourceAsked = DescribeConfigsRequest['resources'][number];
type ResourceDescribed = ResponseOf<typeof DescribeConfigs>['results'][number];
type ConfigDescribed = ResourceDescribed['configs'][number];

export const TOPIC_RESOURCE = 2;
export const BROKER_RESOURCE = 4;
/** The numbers of the answer's config types. */
const TYPE_CODES: Readonly<Record<ConfigType, number>> = { boolean: 1, string: 2, int: 3, long: 5, list: 7 };

export async function handleDescribeConfigs(
  services: BrokerServices,
  request: DescribeConfigsRequest,
  { context }: Call,
): Promise<Reply> {
  const results = request.resources.map((resource): ResourceDescribed => {
    const { resourceType, resourceName } = resource;
    try {
      const configs = describeResource(services, request, resource, context);
      return { ...NO_FAILURE, resourceType, resourceName, configs };
    } catch (error) {
      return { ...failureOf(services.env.log, error), resourceType, resourceName, configs: [] };
    }
  });
  const message: ResponseOf<typeof DescribeConfigs> = { throttleTimeMs: services.throttleTimeMs(context), results };
  return { message };
}

/** Throws KafkaError when the resource is not there, not describable, or not for this client. */
function describeResource(
  services: BrokerServices,
  request: DescribeConfigsRequest,
  { resourceType, resourceName, configurationKeys }: ResourceAsked,
  context: RequestContext,
): ConfigDescribed[] {
  const isWanted = ({ name }: { name: string }): boolean => configurationKeys?.includes(name) ?? true;
  if (resourceType === TOPIC_RESOURCE) {
    return describeTopic(services, request, resourceName, context).filter(isWanted);
  }
  if (resourceType === BROKER_RESOURCE) {
    return describeBroker(services, request, resourceName, context).filter(isWanted);
  }
  throw new KafkaError('INVALID_REQUEST', `resources of type ${resourceType} have no configs here`);
}

function describeTopic(
  services: BrokerServices,
  request: DescribeConfigsRequest,
  name: string,
  context: RequestContext,
): ConfigDescribed[] {
  if (!services.authorize(context, 'describeConfigs', topicResource(name))) {
    throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  }
  const problem = problemWithTopicName(name);
  if (problem !== undefined) throw new KafkaError('INVALID_TOPIC_EXCEPTION', problem);
  const topic = services.partitions.topicNamed(name);
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  return TOPIC_CONFIGS.map((definition) => {
    const values = topicConfigValues(definition, topic.configs, services.settings.explicit);
    return describeConfig(definition, values, { ...request, isReadOnly: false });
  });
}

function describeBroker(
  services: BrokerServices,
  request: DescribeConfigsRequest,
  name: string,
  context: RequestContext,
): ConfigDescribed[] {
  if (!services.authorize(context, 'describeConfigs', CLUSTER)) throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED');
  const options = { ...request, isReadOnly: true };
  const settings = [...brokerSettingDefinitions().values()].map(
    (definition) => [definition, services.settings.values(definition)] as const,
  );
  if (name === '') {
    return settings.flatMap(([definition, values]) => {
      const kept = values.filter(({ source }) => source === CONFIG_SOURCE.directory);
      return kept.length === 0 ? [] : [describeConfig(definition, kept, options)];
    });
  }
  if (name !== String(services.session.brokerId)) {
    throw new KafkaError('INVALID_REQUEST', `this is broker ${services.session.brokerId}, not '${name}'`);
  }
  const described = settings.map(([definition, values]) => describeConfig(definition, values, options));
  const facts = brokerFacts(services.session).map(([definition, value]) =>
    describeConfig(definition, [{ name: definition.name, value, source: CONFIG_SOURCE.process }], options),
  );
  return [...facts, ...described];
}

interface DescribeOptions {
  readonly includeSynonyms: boolean;
  readonly includeDocumentation: boolean;
  readonly isReadOnly: boolean;
}

/** `values`: from most to least specific; the first is the one in effect. */
function describeConfig(
  definition: ConfigDefinition,
  values: readonly ConfigValue[],
  { includeSynonyms, includeDocumentation, isReadOnly }: DescribeOptions,
): ConfigDescribed {
  const effective = values[0];
  return {
    name: definition.name,
    value: effective?.value ?? definition.default,
    readOnly: isReadOnly,
    configSource: effective?.source ?? CONFIG_SOURCE.default,
    isSensitive: false,
    synonyms: includeSynonyms ? values.map(({ name, value, source }) => ({ name, value, source })) : [],
    configType: TYPE_CODES[definition.type],
    documentation: includeDocumentation ? definition.documentation : null,
  };
}

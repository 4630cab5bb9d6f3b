/**
 * DescribeConfigs (32), versions 1-4: topics, this broker by its id, and the settings kept for all brokers by an empty name,
 * with their synonyms from most to least specific if asked for. The documentation of a config that is kept and changes nothing
 * here begins with NO_EFFECT.
 *
 * Skipped: loggers, client metrics and groups, which have no configs here.
 * Source: ConfigHelper.describeConfigs (Kafka 4.x).
 */

import { NO_EFFECT } from '../../protocol/apis/32-describe-configs.ts';
import type { DescribeConfigs } from '../../protocol/apis/index.ts';
import { KafkaError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import { problemWithTopicName } from '../../protocol/topic-names.ts';
import { CLUSTER, topicResource } from '../authorize.ts';
import { brokerFacts } from '../broker-facts.ts';
import { brokerSettingDefinitions, keptSettings } from '../broker-settings.ts';
import type { ConfigDefinition, ConfigType } from '../config-definition.ts';
import { BROKER_RESOURCE, brokerIdNamed, TOPIC_RESOURCE } from '../config-resources.ts';
import { failureOf, NO_FAILURE } from '../failure.ts';
import { LoopTurns } from '../loop-turns.ts';
import type { Reply, RequestContext } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';
import { TOPIC_CONFIGS } from '../topic-config-table.ts';
import { CONFIG_SOURCE, type ResolvedConfig, resolveTopicConfig } from '../topic-configs.ts';

type DescribeConfigsRequest = RequestOf<typeof DescribeConfigs>;
type ResourceAsked = DescribeConfigsRequest['resources'][number];
type ResourceDescribed = ResponseOf<typeof DescribeConfigs>['results'][number];
type ConfigDescribed = ResourceDescribed['configs'][number];

/**
 * Names, values and documentation in one answer: five bytes of a request ask for 20,000 of them. Without documentation all configs
 * of some 10,000 topics have as many.
 */
const ANSWER_LETTERS_MAX = 16 << 20;
/** What a config takes beside its letters, and a synonym. */
const CONFIG_LETTERS = 16;
/** The numbers of the answer's config types. */
const TYPE_CODES: Readonly<Record<ConfigType, number>> = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 };

export async function handleDescribeConfigs(
  services: BrokerServices,
  request: DescribeConfigsRequest,
  { context }: Call,
): Promise<Reply> {
  const results: ResourceDescribed[] = [];
  const turns = new LoopTurns(services.env.clock);
  let lettersLeft = ANSWER_LETTERS_MAX;
  for (const resource of request.resources) {
    if (turns.isDue()) await turns.next();
    const { resourceType, resourceName } = resource;
    try {
      if (lettersLeft <= 0)
        throw new KafkaError('INVALID_REQUEST', 'one request describes no more; ask again for the rest');
      const configs = describeResource(services, request, resource, context);
      lettersLeft -= configs.reduce((sum, config) => sum + lettersOf(config), 0);
      results.push({ ...NO_FAILURE, resourceType, resourceName, configs });
    } catch (error) {
      results.push({ ...failureOf(services.env.log, error), resourceType, resourceName, configs: [] });
    }
  }
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

function lettersOf({ name, value, documentation, synonyms }: ConfigDescribed): number {
  const own = name.length + (value?.length ?? 0) + (documentation?.length ?? 0) + CONFIG_LETTERS;
  return synonyms.reduce(
    (sum, synonym) => sum + synonym.name.length + (synonym.value?.length ?? 0) + CONFIG_LETTERS,
    own,
  );
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
  return TOPIC_CONFIGS.filter(({ name: config, onlyWhenSet }) => !onlyWhenSet || topic.configs.has(config)).map(
    (definition) => {
      const resolved = resolveTopicConfig(definition, topic.configs, services.settings.explicit);
      return describeConfig(definition, resolved, { ...request, isReadOnly: false });
    },
  );
}

function describeBroker(
  services: BrokerServices,
  request: DescribeConfigsRequest,
  name: string,
  context: RequestContext,
): ConfigDescribed[] {
  const { authorize, session, settings } = services;
  if (!authorize(context, 'describeConfigs', CLUSTER)) throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED');
  const brokerId = brokerIdNamed(services, name);
  const definitions = [...brokerSettingDefinitions().values()];
  if (brokerId === undefined) {
    const kept = keptSettings(session.settings(), undefined);
    return definitions.flatMap((definition) => {
      const value = kept.get(definition.name);
      if (value === undefined) return [];
      const source = CONFIG_SOURCE.directory;
      const resolved = { value, source, synonyms: [{ name: definition.name, value, source }] };
      return [describeConfig(definition, resolved, { ...request, isReadOnly: definition.fixed ?? false })];
    });
  }
  return [
    ...brokerFacts(session).map(({ definition, resolved }) =>
      describeConfig(definition, resolved, { ...request, isReadOnly: true }),
    ),
    ...definitions.map((definition) =>
      describeConfig(definition, settings.resolve(definition), { ...request, isReadOnly: definition.fixed ?? false }),
    ),
  ];
}

interface DescribeOptions {
  readonly includeSynonyms: boolean;
  readonly includeDocumentation: boolean;
  readonly isReadOnly: boolean;
}

function describeConfig(
  definition: ConfigDefinition,
  { value, source, synonyms }: ResolvedConfig,
  { includeSynonyms, includeDocumentation, isReadOnly }: DescribeOptions,
): ConfigDescribed {
  const { name, type, documentation, withoutEffect } = definition;
  const told = withoutEffect === undefined ? documentation : `${NO_EFFECT}${withoutEffect}. ${documentation}`;
  return {
    name,
    value,
    readOnly: isReadOnly,
    configSource: source,
    isSensitive: false,
    synonyms: includeSynonyms ? synonyms : [],
    configType: TYPE_CODES[type],
    documentation: includeDocumentation ? told : null,
  };
}

/** The resources whose configs can be altered, topics and brokers, each behind the same face for the APIs that alter. */

import { KafkaError } from '../protocol/errors.ts';
import { CLUSTER, topicResource } from './authorize.ts';
import {
  brokerSettingDefinitions,
  keptSettingName,
  keptSettings,
  problemWithBrokerSetting,
} from './broker-settings.ts';
import type { ConfigRules, NewValues } from './config-changes.ts';
import type { ConfigDefinition } from './config-definition.ts';
import type { RequestContext } from './request.ts';
import type { BrokerServices } from './services.ts';
import {
  problemWithTopicConfig,
  problemWithTopicConfigs,
  resolveTopicConfig,
  topicConfigNamed,
} from './topic-configs.ts';

/** Kafka's numbers of resource types (ConfigResource.java). */
export const TOPIC_RESOURCE = 2;
export const BROKER_RESOURCE = 4;
export const BROKER_LOGGER_RESOURCE = 8;
export const CLIENT_METRICS_RESOURCE = 16;
export const GROUP_RESOURCE = 32;

export interface AlterableResource extends ConfigRules {
  /** What the resource sets itself, by name. */
  readonly own: ReadonlyMap<string, string>;
  /** The value in effect, '' where there is none. */
  present(definition: ConfigDefinition): string;
  /** Throws KafkaError INVALID_CONFIG where the changes are right one by one, and what they make is not. */
  check(changes: NewValues): void;
  apply(changes: NewValues): Promise<void>;
}

/** Throws KafkaError when the resource is not there, has no configs here, or is not for this client to alter. */
export function alterableResource(
  services: BrokerServices,
  resourceType: number,
  resourceName: string,
  context: RequestContext,
): AlterableResource {
  if (resourceType === TOPIC_RESOURCE) return topicToAlter(services, resourceName, context);
  if (resourceType === BROKER_RESOURCE) return brokerToAlter(services, resourceName, context);
  throw new KafkaError('INVALID_REQUEST', `resources of type ${resourceType} have no configs here`);
}

/** undefined for the empty name, which means all brokers. Throws KafkaError INVALID_REQUEST for any other than this broker's. */
export function brokerIdNamed({ session }: BrokerServices, name: string): number | undefined {
  if (name === '') return undefined;
  if (name === String(session.brokerId)) return session.brokerId;
  throw new KafkaError('INVALID_REQUEST', `this is broker ${session.brokerId}, not '${name}'`);
}

function topicToAlter(
  { session, partitions, settings, authorize }: BrokerServices,
  name: string,
  context: RequestContext,
): AlterableResource {
  if (!authorize(context, 'alterConfigs', topicResource(name))) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED');
  const topic = partitions.topicNamed(name);
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION');
  return {
    own: topic.configs,
    definitionOf: topicConfigNamed,
    problemWith: problemWithTopicConfig,
    present: (definition) => {
      const config = topicConfigNamed(definition.name);
      return config === undefined ? '' : resolveTopicConfig(config, topic.configs, settings.explicit).value;
    },
    check: (changes) => {
      const altered = new Map(topic.configs);
      for (const [config, value] of changes) {
        if (value === null) altered.delete(config);
        else altered.set(config, value);
      }
      // What is already kept is not judged again, unless the change goes together with it.
      const judged = [...altered].filter(([config, value]) => problemWithTopicConfig(config, value) === undefined);
      const problem = problemWithTopicConfigs(new Map(judged));
      if (problem !== undefined) throw new KafkaError('INVALID_CONFIG', problem);
    },
    apply: (changes) => session.alterTopicConfigs(topic.topicId, changes),
  };
}

function brokerToAlter(services: BrokerServices, name: string, context: RequestContext): AlterableResource {
  const { session, settings, authorize } = services;
  if (!authorize(context, 'alterConfigs', CLUSTER)) throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED');
  const brokerId = brokerIdNamed(services, name);
  const definitions = brokerSettingDefinitions();
  return {
    own: keptSettings(session.settings(), brokerId),
    definitionOf: (setting) => definitions.get(setting),
    problemWith: problemWithBrokerSetting,
    present: (definition) => settings.resolve(definition).value ?? '',
    check: (changes) => {
      for (const [setting, value] of changes) {
        if (value === null || definitions.get(setting)?.fixed === undefined) continue;
        throw new KafkaError(
          'INVALID_REQUEST',
          `${setting} cannot be altered while the broker runs; give it to serve by -X`,
        );
      }
    },
    apply: (changes) =>
      session.alterSettings(
        new Map([...changes].map(([setting, value]) => [keptSettingName(setting, brokerId), value])),
      ),
  };
}

/** Entries and images for tests: one writer, and the log as its entries say. */
import type { ClusterImage } from '../../src/cluster/cluster-image.ts';
import { emptyImage } from '../../src/cluster/cluster-image.ts';
import type { ControllerHead } from '../../src/cluster/entries.ts';
import { type BrokerRegistered, entryHead, type MetadataEntry } from '../../src/cluster/entries.ts';
import { applyEntry } from '../../src/cluster/replay.ts';
import type { ProcessFacts } from '../../src/kernel/env.ts';

export const FACTS: ProcessFacts = { hostId: 'h', bootId: 'b', pidNamespace: 'n', pid: 7, startTime: '1' };

export function registration(image: ClusterImage, options: Partial<BrokerRegistered> = {}): BrokerRegistered {
  return {
    ...entryHead(`registration-${image.lastNumber + 1}`, options.brokerId ?? 1, image.lastNumber + 1),
    type: 'broker-registered',
    expects: { lastNumber: image.lastNumber },
    process: FACTS,
    command: 'test',
    endpoints: [],
    claimsController: image.controllerEpoch + 1,
    uncleanClose: false,
    ...options,
  };
}

export function replayed(image: ClusterImage, ...entries: readonly MetadataEntry[]): ClusterImage {
  return entries.reduce(applyEntry, image);
}

/** Broker 1 registered and controller, nothing else. */
export function registeredImage(): ClusterImage {
  const empty = emptyImage('cluster');
  return applyEntry(empty, registration(empty));
}

export function controllerHead(image: ClusterImage, uuid = 'change'): ControllerHead {
  const brokerEpoch = image.brokers.get(image.controllerId)?.brokerEpoch ?? 0;
  return { ...entryHead(uuid, image.controllerId, brokerEpoch), controllerEpoch: image.controllerEpoch };
}

/** An image with a topic `t` of two partitions. */
export function imageWithTopic(): ClusterImage {
  const image = registeredImage();
  return applyEntry(image, {
    ...controllerHead(image),
    type: 'topic-created',
    name: 't',
    topicId: 'id-of-t',
    configs: { 'segment.bytes': '1000' },
    partitions: [
      { index: 0, replicas: [1] },
      { index: 1, replicas: [1] },
    ],
  });
}

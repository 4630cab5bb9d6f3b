/**
 * Who may do what: asked by every handler before it looks at the resource. There are no rules yet, and the listener decides
 * alone: whoever may open the directory, or reach the port, may use it.
 */

import type { RequestContext } from './request.ts';

export type Operation =
  | 'read'
  | 'write'
  | 'create'
  | 'delete'
  | 'alter'
  | 'describe'
  | 'describeConfigs'
  | 'alterConfigs'
  | 'idempotentWrite';

export type Resource = { readonly kind: 'topic' | 'group'; readonly name: string } | { readonly kind: 'cluster' };

export type Authorize = (context: RequestContext, operation: Operation, resource: Resource) => boolean;

export const CLUSTER: Resource = { kind: 'cluster' };

export function topicResource(name: string): Resource {
  return { kind: 'topic', name };
}

export function groupResource(groupId: string): Resource {
  return { kind: 'group', name: groupId };
}

export const allowEverything: Authorize = () => true;

/** Kafka's bit of each operation (AclOperation.java). */
const OPERATION_BITS: Readonly<Record<Operation, number>> = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
};

const TOPIC_OPERATIONS: readonly Operation[] = [
  'read',
  'write',
  'create',
  'delete',
  'alter',
  'describe',
  'describeConfigs',
  'alterConfigs',
];
const CLUSTER_OPERATIONS: readonly Operation[] = [
  'create',
  'alter',
  'describe',
  'describeConfigs',
  'alterConfigs',
  'idempotentWrite',
];
const GROUP_OPERATIONS: readonly Operation[] = ['read', 'delete', 'describe', 'describeConfigs', 'alterConfigs'];
const OPERATIONS: Readonly<Record<Resource['kind'], readonly Operation[]>> = {
  topic: TOPIC_OPERATIONS,
  group: GROUP_OPERATIONS,
  cluster: CLUSTER_OPERATIONS,
};

/** The bit field of what `context` may do with `resource`, as Metadata, DescribeCluster and DescribeGroups answer it. */
export function authorizedOperations(authorize: Authorize, context: RequestContext, resource: Resource): number {
  let bits = 0;
  for (const operation of OPERATIONS[resource.kind]) {
    if (authorize(context, operation, resource)) bits |= 1 << OPERATION_BITS[operation];
  }
  return bits;
}

import type { AnyApi } from '../schema.ts';
import { Produce } from './00-produce.ts';
import { Fetch } from './01-fetch.ts';
import { ListOffsets } from './02-list-offsets.ts';
import { Metadata } from './03-metadata.ts';
import { ApiVersions } from './18-api-versions.ts';
import { CreateTopics } from './19-create-topics.ts';
import { DeleteTopics } from './20-delete-topics.ts';
import { InitProducerId } from './22-init-producer-id.ts';
import { DescribeConfigs } from './32-describe-configs.ts';
import { CreatePartitions } from './37-create-partitions.ts';
import { IncrementalAlterConfigs } from './44-incremental-alter-configs.ts';
import { DescribeCluster } from './60-describe-cluster.ts';

export {
  ApiVersions,
  CreatePartitions,
  CreateTopics,
  DeleteTopics,
  DescribeCluster,
  DescribeConfigs,
  Fetch,
  IncrementalAlterConfigs,
  InitProducerId,
  ListOffsets,
  Metadata,
  Produce,
};

/** Every API that we can read and write, by its key, in the order of keys. */
export const API_BY_KEY: ReadonlyMap<number, AnyApi> = new Map(
  [
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    ApiVersions,
    CreateTopics,
    DeleteTopics,
    InitProducerId,
    DescribeConfigs,
    CreatePartitions,
    IncrementalAlterConfigs,
    DescribeCluster,
  ].map((api: AnyApi) => [api.key, api]),
);

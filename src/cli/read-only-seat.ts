/**
 * A directory that may only be read: a backup, a snapshot, another user's, one on a full disk (DESIGN 5.7). The whole broker runs over it, in this
 * process and with an overlay in memory for all that it would write; it takes no lock, serves nobody, and shows the logs as
 * they were when they were opened, up to their last valid batch.
 */
import type { ClientError } from '../client/client-error.ts';
import { entryFolder, ownerFile, temporaryFile } from '../cluster/layout.ts';
import { readOwnerRecord } from '../cluster/owner-record.ts';
import type { Env, Timer } from '../kernel/env.ts';
import { Fetch } from '../protocol/apis/01-fetch.ts';
import { ListOffsets } from '../protocol/apis/02-list-offsets.ts';
import { Metadata } from '../protocol/apis/03-metadata.ts';
import { OffsetFetch } from '../protocol/apis/09-offset-fetch.ts';
import { FindCoordinator } from '../protocol/apis/10-find-coordinator.ts';
import { DescribeGroups } from '../protocol/apis/15-describe-groups.ts';
import { ListGroups } from '../protocol/apis/16-list-groups.ts';
import { ApiVersions } from '../protocol/apis/18-api-versions.ts';
import { DescribeConfigs } from '../protocol/apis/32-describe-configs.ts';
import { DescribeCluster } from '../protocol/apis/60-describe-cluster.ts';
import { ConsumerGroupDescribe } from '../protocol/apis/69-consumer-group-describe.ts';
import { DescribeTopicPartitions } from '../protocol/apis/75-describe-topic-partitions.ts';
import { isDenied, MayOnlyRead, mayNotRead, whereAllowed } from './access.ts';
import type { BrokerSeat } from './broker-seat.ts';
import { EmbeddedBroker } from './embedded-broker.ts';
import { BROKER_ID, BrokerSearch, type FindOptions } from './find-broker.ts';
import { OverlayDisk } from './overlay-disk.ts';

/** What only reads, or makes nothing but the topic of offsets, in memory; everything else is refused. */
const READING_KEYS: readonly number[] = [
  Fetch,
  ListOffsets,
  Metadata,
  OffsetFetch,
  FindCoordinator,
  DescribeGroups,
  ListGroups,
  ApiVersions,
  DescribeConfigs,
  DescribeCluster,
  ConsumerGroupDescribe,
  DescribeTopicPartitions,
].map(({ key }) => key);

/** Begins the line of the log that says what is shown from now on. */
export const READ_IN_MEMORY = 'read as it is, with what would be written kept in memory';

/** How often it is tried whether the directory takes writes, and how much must find room then: a registration and what follows. */
const TRY_MS = 5000;
const TRY_BYTES = 16 * 1024;

/**
 * `cause`: why the directory is only read. The seat ends once the directory takes writes, as after a repair or with room again: whoever
 * follows a log is to see what others write from then on. Throws ClientError `authorization` where not all of it may be read, either.
 */
export async function openReadOnlySeat(env: Env, options: FindOptions, cause: ClientError): Promise<BrokerSeat> {
  const { directory } = options;
  const broker = await whereAllowed(() => startInMemory(readOnlyEnv(env), options), mayNotRead(directory)).catch(
    (error: unknown) => {
      throw error instanceof MayOnlyRead && isDenied(error.cause) ? mayNotRead(directory)(error.cause) : error;
    },
  );
  env.log.debug(`${READ_IN_MEMORY}: ${directory}: ${cause.message}`);
  const trial = tryWrites(env, directory);
  return {
    embedded: false,
    get ended() {
      return broker.ended || trial.hasWritten();
    },
    request: (api, version, message, timeoutMs) => {
      if (!READING_KEYS.includes(api.key)) {
        return Promise.reject(cause);
      }
      return broker.request(api, version, message, timeoutMs);
    },
    versions: () => broker.versions(),
    close: async () => {
      trial.stop();
      await broker.close();
    },
  };
}

/** Tries from time to time to write where a registration would go, until it can. */
function tryWrites(env: Env, directory: string): { hasWritten(): boolean; stop(): void } {
  let hasWritten = false;
  let isStopped = false;
  const later = (): Timer => env.clock.timer(TRY_MS, () => void attempt(), true);
  const attempt = async (): Promise<void> => {
    hasWritten = await takesWrites(env, directory);
    if (!hasWritten && !isStopped) timer = later();
  };
  let timer = later();
  return {
    hasWritten: () => hasWritten,
    stop: () => {
      isStopped = true;
      timer.cancel();
    },
  };
}

async function takesWrites(env: Env, directory: string): Promise<boolean> {
  const path = temporaryFile(entryFolder(directory), env.random.uuid());
  try {
    const file = await env.disk.open(path, 'wx+');
    try {
      await file.writev([Buffer.alloc(TRY_BYTES, 1)], 0);
    } finally {
      await file.close();
      await env.disk.remove(path);
    }
    return true;
  } catch {
    return false;
  }
}

async function startInMemory(env: Env, options: FindOptions): Promise<EmbeddedBroker> {
  const { directory, clientId } = options;
  // Whoever made a copy of a directory may have left this one file unreadable; it is a hint and no more.
  await readOwnerRecord(env, directory, BROKER_ID).catch(() => env.disk.remove(ownerFile(directory, BROKER_ID)));
  const search = new BrokerSearch(env, { ...options, createDirectory: false, allowNetworkFs: true });
  return await search.find({
    connected: async ({ connection }) => {
      await connection.close();
      return undefined;
    },
    won: (session) => EmbeddedBroker.start(env, session, { clientId, listens: false, deletes: false }),
  });
}

/** The place is always free here, for nobody else sees who takes it. */
function readOnlyEnv(env: Env): Env {
  const say = (message: string): void => env.log.debug(`in memory: ${message}`);
  const quiet = { debug: say, info: say, warn: say };
  return {
    ...env,
    disk: new OverlayDisk(env.disk, () => env.clock.wallMs()),
    proc: {
      facts: () => env.proc.facts(),
      judge: () => 'dead',
      describeState: (facts) => env.proc.describeState(facts),
      onSignal: (signal, action) => env.proc.onSignal(signal, action),
      stopSelf: () => env.proc.stopSelf(),
    },
    // What the broker says of its repairs is not so on the disk.
    log: { ...quiet, error: (message) => env.log.error(message) },
    lock: {
      acquire: async () => ({ confirmedAtMs: () => env.clock.monotonicMs(), release: async () => undefined }),
      breakDead: async () => undefined,
    },
  };
}

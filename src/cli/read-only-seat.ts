/**
 * A directory that may only be read: a backup, a snapshot, another user's (DESIGN 5.7). The whole broker runs over it, in this
 * process and with an overlay in memory for all that it would write; it takes no lock, serves nobody, and shows the logs as
 * they were when they were opened, up to their last valid batch.
 */
import { ClientError } from '../client/client-error.ts';
import type { Env } from '../kernel/env.ts';
import { Fetch } from '../protocol/apis/01-fetch.ts';
import { ListOffsets } from '../protocol/apis/02-list-offsets.ts';
import { Metadata } from '../protocol/apis/03-metadata.ts';
import { ApiVersions } from '../protocol/apis/18-api-versions.ts';
import { DescribeConfigs } from '../protocol/apis/32-describe-configs.ts';
import { DescribeCluster } from '../protocol/apis/60-describe-cluster.ts';
import type { BrokerSeat } from './broker-seat.ts';
import { EmbeddedBroker } from './embedded-broker.ts';
import { BrokerSearch, type FindOptions } from './find-broker.ts';
import { OverlayDisk } from './overlay-disk.ts';

/** What only reads; everything else is refused. */
const READING_KEYS: readonly number[] = [
  Fetch,
  ListOffsets,
  Metadata,
  ApiVersions,
  DescribeConfigs,
  DescribeCluster,
].map(({ key }) => key);

/** `cause`: what the system said when the directory was to be written. */
export async function openReadOnlySeat(env: Env, options: FindOptions, cause: Error): Promise<BrokerSeat> {
  const overlaid = readOnlyEnv(env);
  const search = new BrokerSearch(overlaid, { ...options, createDirectory: false });
  const broker = await search.find({
    connected: async ({ connection }) => {
      await connection.close();
      return undefined;
    },
    won: (session) => EmbeddedBroker.start(overlaid, session, { clientId: options.clientId, listens: false }),
  });
  return {
    embedded: false,
    get ended() {
      return broker.ended;
    },
    request: (api, version, message) => {
      if (!READING_KEYS.includes(api.key)) {
        const text = `${options.directory} may only be read`;
        return Promise.reject(new ClientError('authorization', text, { cause }));
      }
      return broker.request(api, version, message);
    },
    versions: () => broker.versions(),
    close: () => broker.close(),
  };
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

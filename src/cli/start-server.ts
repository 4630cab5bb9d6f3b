/**
 * `serve`: from nothing to a broker that answers on its ports and on the directory's socket.
 *
 *     refused while another `serve` has the directory -> bind the ports -> ask the command that is the broker for its place
 *     -> claim it -> start the broker -> listen -> announce
 *
 * A command that is the broker writes this process down as its successor before it goes, and others leave the place to it.
 */
import { Broker } from '../broker/broker.ts';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import { MAX_DISK_SETTING } from '../broker/own-settings.ts';
import { ClientError } from '../client/client-error.ts';
import type { BrokerSession } from '../cluster/broker-session.ts';
import type { Endpoint } from '../cluster/cluster-image.ts';
import { readOwnerRecord } from '../cluster/owner-record.ts';
import { type Deferred, deferred } from '../kernel/deferred.ts';
import type { Env } from '../kernel/env.ts';
import { HandOver } from '../protocol/private/hand-over.ts';
import { MayOnlyRead, whereAllowed } from './access.ts';
import { bindEarly, type EarlyListeners, type ListenAddress } from './early-listeners.ts';
import { refuseNetworkFileSystem } from './file-system-check.ts';
import { type Answering, BROKER_ID, BrokerSearch, describeProcess, makeCluster } from './find-broker.ts';
import { listenForCommands } from './listen-for-commands.ts';

export const SERVE_COMMAND = 'serve';

/** How long the broker may take to say whether it hands over. */
const HAND_OVER_ANSWER_MS = 5000;

export interface ServerOptions {
  /** Made where it is missing. */
  readonly directory: string;
  readonly listen: readonly ListenAddress[];
  /** What clients are told; the first address listened on where left out, and its real port where 0. */
  readonly advertise?: { readonly host: string; readonly port: number } | undefined;
  /** What the flags of this process say. */
  readonly settings: BrokerSettings;
  /** The broker configs to keep in the directory from now on, in place of those kept there, for all brokers of it. */
  readonly keep?: ReadonlyMap<string, string> | undefined;
  /** Settings to keep beside them; null takes one away. */
  readonly alter?: ReadonlyMap<string, string | null> | undefined;
  readonly allowNetworkFs?: boolean;
  /** How long to wait for the place; 0 = for ever. */
  readonly timeoutMs: number;
  /** A line for people. */
  note(text: string): void;
}

export interface RunningServer {
  readonly clusterId: string;
  readonly brokerId: number;
  readonly brokerEpoch: number;
  /** With their real ports. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  readonly advertised: Endpoint;
  /** Resolves when another process was found to be this broker; then `stop()` is to be called, and the exit status is 8. */
  readonly resigned: Promise<string>;
  /** Drains, makes durable, marks clean, gives the place up. */
  stop(): Promise<void>;
}

/** Throws ClientError `conflict` (a port is taken, another `serve` is there, the place did not come free), ClusterError, and the system's errors. */
export async function startServer(env: Env, options: ServerOptions): Promise<RunningServer> {
  const mayOnlyRead = (cause: Error): Error => new MayOnlyRead(options.directory, SERVE_COMMAND, cause);
  await refuseNetworkFileSystem(env, options.directory, options.allowNetworkFs === true);
  await makeCluster(env, options.directory);
  await whereAllowed(() => refuseBesideServer(env, options.directory), mayOnlyRead);
  const listeners = await bindEarly(env.net, options.listen);
  try {
    const endpoint = advertised(listeners, options);
    const serverEnv: Env = { ...env, net: listeners.net() };
    return await takePlace(serverEnv, options, endpoint, listeners);
  } catch (error) {
    await listeners.close();
    throw error;
  }
}

async function refuseBesideServer(env: Env, directory: string): Promise<void> {
  const owner = await readOwnerRecord(env, directory, BROKER_ID);
  if (owner?.command === SERVE_COMMAND && !owner.released && env.proc.judge(owner.process) === 'alive') {
    const addresses = owner.endpoints.map(({ host, port }) => `${host}:${port}`).join(', ');
    throw new ClientError('conflict', `${describeProcess(env, owner, directory)}, serves it already at ${addresses}`);
  }
}

function advertised(listeners: EarlyListeners, { advertise }: ServerOptions): Endpoint {
  const [first] = listeners.addresses;
  const port = advertise === undefined || advertise.port === 0 ? (first?.port ?? 0) : advertise.port;
  return { name: 'PLAINTEXT', host: advertise?.host ?? first?.host ?? 'localhost', port };
}

async function takePlace(
  env: Env,
  options: ServerOptions,
  endpoint: Endpoint,
  listeners: EarlyListeners,
): Promise<RunningServer> {
  const { directory, timeoutMs } = options;
  const search = new BrokerSearch(env, {
    directory,
    command: SERVE_COMMAND,
    clientId: 'streamctl-serve',
    timeoutMs,
    createDirectory: true,
    allowNetworkFs: true,
    endpoints: [endpoint],
    note: options.note,
  });
  return await search.find<RunningServer>({
    connected: (answering) => askForPlace(env, directory, answering),
    occupied: (registration) => {
      if (registration.command === SERVE_COMMAND) {
        throw new ClientError('conflict', `${describeProcess(env, registration, directory)}, serves it already`);
      }
    },
    won: (session) => startBroker(env, session, options, endpoint, listeners),
  });
}

/** undefined: the broker gives its place up, or went away; go on looking. */
async function askForPlace(env: Env, directory: string, { connection, owner }: Answering): Promise<undefined> {
  try {
    const request = { successor: JSON.stringify(env.proc.facts()), command: SERVE_COMMAND };
    const reply = await connection.request(HandOver, 0, request, HAND_OVER_ANSWER_MS);
    reply.release();
    if (!reply.message.accepted && owner.command === SERVE_COMMAND) {
      const addresses = owner.endpoints.map(({ host, port }) => `${host}:${port}`).join(', ');
      throw new ClientError('conflict', `${describeProcess(env, owner, directory)}, serves it already at ${addresses}`);
    }
  } catch (error) {
    if (error instanceof ClientError) {
      throw error;
    }
    env.log.debug(`asking for hand-over: ${String(error)}`);
  } finally {
    await connection.close();
  }
  return undefined;
}

async function startBroker(
  env: Env,
  session: BrokerSession,
  options: ServerOptions,
  endpoint: Endpoint,
  listeners: EarlyListeners,
): Promise<RunningServer> {
  let broker: Broker | undefined;
  const stop = async (): Promise<void> => {
    try {
      await broker?.stop();
    } finally {
      await listeners.close();
      await session.release();
    }
  };
  try {
    const changes = options.keep === undefined ? [] : replacing(session.settings(), options.keep);
    const altered = new Map([...changes, ...(options.alter ?? [])]);
    if (altered.size > 0) await session.alterSettings(altered);
    broker = await Broker.start(env, session, options.settings);
    await listenForCommands(broker, session);
    for (const address of listeners.addresses) {
      await broker.listen(address, 'tcp');
    }
    await session.announce([endpoint]);
    broker.recoverInBackground();
  } catch (error) {
    await stop();
    throw error;
  }
  const resigned: Deferred<string> = deferred();
  session.onResigned(resigned.resolve);
  let stopping: Promise<void> | undefined;
  return {
    clusterId: session.clusterId,
    brokerId: session.brokerId,
    brokerEpoch: session.brokerEpoch,
    addresses: listeners.addresses,
    advertised: endpoint,
    resigned: resigned.promise,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** The changes that make `wanted` of what is kept; a cap stays until it is taken away by its own flag. */
function replacing(kept: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): Map<string, string | null> {
  const changes = new Map<string, string | null>(wanted);
  for (const name of kept.keys()) {
    if (!wanted.has(name) && name !== MAX_DISK_SETTING) changes.set(name, null);
  }
  return changes;
}

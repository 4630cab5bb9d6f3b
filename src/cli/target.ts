/**
 * Which cluster a command talks to: the directory given by --dir, or the Kafka cluster given by -b.
 *
 * A flag wins over the environment; streamctl never guesses between the two (DESIGN section 4).
 */
import { resolve } from 'node:path';
import type { Transport } from '../client/transport.ts';
import type { NetAddress } from '../kernel/env.ts';
import { usageError } from './cli-error.ts';
import type { Host } from './host.ts';

export const DEFAULT_KAFKA_PORT = 9092;
const CLIENT_ID = 'streamctl';

/** No name of DNS is longer (RFC 1035), and brokers have to tell it in answers of bounded size. */
const HOST_CHARACTERS_MAX = 255;

export type TargetChoice =
  | { readonly kind: 'bootstrap'; readonly servers: readonly ServerAddress[] }
  | { readonly kind: 'directory'; readonly path: string };

export type ServerAddress = Extract<NetAddress, { host: string }>;

/** The values of the two flags; undefined where not given. */
export interface TargetFlags {
  readonly bootstrapServer: string | undefined;
  readonly dir: string | undefined;
}

export interface TargetOptions {
  /** The command by name, for those who wait while it is the broker. */
  readonly command: string;
  /** Whether a missing directory is made (only `topics create` and `produce --create`). */
  readonly createDirectory: boolean;
}

export interface Target {
  readonly transport: Transport;
  /** Says goodbye: an embedded broker finishes and makes durable what it took. */
  close(): Promise<void>;
}

/** Decides the target from flags and environment variables; throws a usage error where they contradict each other. */
export function chooseTarget(
  flags: TargetFlags,
  variables: Readonly<Record<string, string | undefined>>,
): TargetChoice {
  if (flags.dir !== undefined && flags.bootstrapServer !== undefined) {
    throw usageError('--dir and --bootstrap-server name two different clusters; give one of them');
  }
  if (flags.dir !== undefined) return directory(flags.dir, '--dir');
  if (flags.bootstrapServer !== undefined) return bootstrap(flags.bootstrapServer, '--bootstrap-server');
  const dirVariable = variables['STREAMCTL_DIR'] || undefined;
  const serverVariable = variables['STREAMCTL_BOOTSTRAP_SERVER'] || undefined;
  if (dirVariable !== undefined && serverVariable !== undefined) {
    throw usageError(
      'STREAMCTL_DIR and STREAMCTL_BOOTSTRAP_SERVER are both set; unset one of them, or give --dir or --bootstrap-server',
    );
  }
  if (dirVariable !== undefined) return directory(dirVariable, 'STREAMCTL_DIR');
  if (serverVariable !== undefined) return bootstrap(serverVariable, 'STREAMCTL_BOOTSTRAP_SERVER');
  return { kind: 'directory', path: defaultDirectory(variables) };
}

/** The per-user directory that is used when nothing else is said. */
export function defaultDirectory(variables: Readonly<Record<string, string | undefined>>): string {
  const dataHome = variables['XDG_DATA_HOME'];
  // The XDG rules say that a relative path is to be ignored.
  if (dataHome?.startsWith('/')) return `${dataHome}/streamctl`;
  const home = variables['HOME'];
  if (!home) throw usageError('there is no HOME to keep a default directory in; give --dir');
  return `${home}/.local/share/streamctl`;
}

/** The target as messages name it. */
export function describeTarget(choice: TargetChoice): string {
  if (choice.kind === 'directory') return choice.path;
  return choice.servers.map(formatAddress).join(',');
}

/** Connects to what was chosen. Throws CliError, ClientError and ClusterError. */
export async function openTarget(
  host: Host,
  common: {
    readonly target: TargetChoice;
    readonly timeoutMs: number;
    readonly allowNetworkFs?: boolean;
    readonly quiet: boolean;
  },
  options: TargetOptions,
): Promise<Target> {
  const { target, timeoutMs } = common;
  if (target.kind === 'bootstrap') {
    const { TcpTransport } = await import('../client/tcp-transport.ts');
    const transport = new TcpTransport(host.env, { bootstrap: target.servers, clientId: CLIENT_ID, timeoutMs });
    return { transport, close: () => transport.close() };
  }
  const { openDirectoryTransport } = await import('./directory-transport.ts');
  const transport = await openDirectoryTransport(host.env, {
    directory: resolve(target.path),
    timeoutMs,
    allowNetworkFs: common.allowNetworkFs === true,
    ...options,
    note: (text) => {
      if (!common.quiet) host.stdio.note(text);
    },
  });
  return { transport, close: () => transport.close() };
}

/** Parses `HOST:PORT[,HOST:PORT...]`; IPv6 addresses stand in brackets; the port may be left out. */
export function parseServerList(text: string, source: string): ServerAddress[] {
  const servers = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part.length > 0);
  if (servers.length === 0) throw usageError(`${source} is empty; give HOST:PORT`);
  return servers.map((server) => parseHostPort(server, source, DEFAULT_KAFKA_PORT));
}

/** Parses one `HOST[:PORT]`; `[::1]:9092` for IPv6. Throws a usage error that names `source`. */
export function parseHostPort(text: string, source: string, defaultPort: number): ServerAddress {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]/]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host !== undefined && host.length > HOST_CHARACTERS_MAX) {
    throw usageError(`${source}: a host has at most ${HOST_CHARACTERS_MAX} characters`);
  }
  if (host === undefined || port > 65_535) {
    throw usageError(`${source}: '${text}' is no address; give HOST:PORT, with an IPv6 host in brackets`);
  }
  return { host, port };
}

/** `HOST:PORT`, an IPv6 host in brackets. */
export function formatAddress({ host, port }: ServerAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function directory(path: string, source: string): TargetChoice {
  if (path === '') throw usageError(`${source} is empty; give the path of a directory`);
  return { kind: 'directory', path };
}

function bootstrap(text: string, source: string): TargetChoice {
  return { kind: 'bootstrap', servers: parseServerList(text, source) };
}

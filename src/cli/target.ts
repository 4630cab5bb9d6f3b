/**
 * Which cluster a command talks to: the directory given by --dir, or the Kafka cluster given by -b.
 *
 * A flag wins over the environment; streamctl never guesses between the two (DESIGN section 4).
 */
import type { Transport } from '../client/transport.ts';
import type { Env, NetAddress } from '../kernel/env.ts';
import { usageError } from './cli-error.ts';

export const DEFAULT_KAFKA_PORT = 9092;
const CLIENT_ID = 'streamctl';

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
  /** How long to go on trying to reach somebody; 0 = for ever. */
  readonly timeoutMs: number;
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
  return choice.servers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
}

/** Connects to what was chosen. Throws CliError and ClientError. */
export async function openTarget(env: Env, choice: TargetChoice, options: TargetOptions): Promise<Target> {
  if (choice.kind === 'bootstrap') {
    const { TcpTransport } = await import('../client/tcp-transport.ts');
    const transport = new TcpTransport(env, {
      bootstrap: choice.servers,
      clientId: CLIENT_ID,
      timeoutMs: options.timeoutMs,
    });
    return { transport, close: () => transport.close() };
  }
  const { openDirectoryTarget } = await import('./directory-target.ts');
  return openDirectoryTarget(env, choice.path, options);
}

/** Parses `HOST:PORT[,HOST:PORT...]`; IPv6 addresses stand in brackets; the port may be left out. */
export function parseServerList(text: string, source: string): ServerAddress[] {
  const servers = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part.length > 0);
  if (servers.length === 0) throw usageError(`${source} is empty; give HOST:PORT`);
  return servers.map((server) => parseHostPort(server, source));
}

/** Parses one `HOST[:PORT]`; `[::1]:9092` for IPv6. Throws a usage error. */
export function parseHostPort(text: string, source: string): ServerAddress {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]/]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? DEFAULT_KAFKA_PORT : Number(match[3]);
  if (host === undefined || port > 65_535) {
    throw usageError(`${source}: '${text}' is no address; give HOST:PORT, with an IPv6 host in brackets`);
  }
  return { host, port };
}

function directory(path: string, source: string): TargetChoice {
  if (path === '') throw usageError(`${source} is empty; give the path of a directory`);
  return { kind: 'directory', path };
}

function bootstrap(text: string, source: string): TargetChoice {
  return { kind: 'bootstrap', servers: parseServerList(text, source) };
}

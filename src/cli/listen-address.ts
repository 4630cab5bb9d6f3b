/** Where `serve` listens and what it tells clients: decided from the flags, before anything is opened. */
import { usageError } from './cli-error.ts';
import { DEFAULT_KAFKA_PORT, parseHostPort, type ServerAddress } from './target.ts';

export interface ListenFlags {
  readonly listen: string | undefined;
  readonly advertise: string | undefined;
  readonly insecureListen: boolean;
}

export interface ListenDecision {
  /** All of them, except that an `optional` one may be left out where the machine does not have it. */
  readonly addresses: readonly (ServerAddress & { readonly optional: boolean })[];
  /** What clients are told in place of the listening address; port 0: the port that is listened on. */
  readonly advertise: ServerAddress | undefined;
}

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '*']);

/** Throws usage errors: who listens wide must say so, and must say where clients are to go. */
export function decideListen(flags: ListenFlags): ListenDecision {
  const advertise = flags.advertise === undefined ? undefined : parseHostPort(flags.advertise, '--advertise', 0);
  if (advertise !== undefined && WILDCARDS.has(advertise.host)) {
    throw usageError(
      `--advertise: clients cannot connect to ${advertise.host}; give a name or address of this machine`,
    );
  }
  if (flags.listen === undefined) {
    return {
      addresses: [
        { host: '127.0.0.1', port: DEFAULT_KAFKA_PORT, optional: false },
        { host: '::1', port: DEFAULT_KAFKA_PORT, optional: true },
      ],
      advertise,
    };
  }
  const address = parseHostPort(flags.listen, '--listen', DEFAULT_KAFKA_PORT);
  const wildcard = WILDCARDS.has(address.host);
  if (!isLoopback(address.host) && !flags.insecureListen) {
    throw usageError(
      `--listen ${flags.listen}: whoever reaches this address could read and write everything, for there is no authentication yet; add --insecure-listen if that is meant, or listen on 127.0.0.1`,
    );
  }
  if (wildcard && advertise === undefined) {
    throw usageError(`--listen ${flags.listen}: clients cannot connect to a wildcard; add --advertise HOST:PORT`);
  }
  const host = address.host === '*' ? '0.0.0.0' : address.host;
  return { addresses: [{ host, port: address.port, optional: false }], advertise };
}

/** Whether only this machine reaches `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

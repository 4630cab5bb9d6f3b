import type { Broker } from '../broker/broker.ts';
import type { BrokerSession } from '../cluster/broker-session.ts';
import { ClusterError } from '../cluster/cluster-error.ts';

/** What the system says of a bind() where the file system has no sockets. */
const NO_SOCKETS: readonly unknown[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENOSYS'];

/**
 * Lets the other commands of this host in, by the directory's Unix socket. Throws ClusterError `unsupported` on a file system
 * without sockets: commands there would not find each other.
 */
export async function listenForCommands(broker: Broker, session: BrokerSession): Promise<void> {
  try {
    await broker.listen({ path: session.socketPath }, 'unix');
  } catch (error) {
    if (error instanceof Error && 'code' in error && NO_SOCKETS.includes(error.code)) {
      const text = `the file system under ${session.directory} has no Unix sockets, by which commands find each other`;
      throw new ClusterError('unsupported', `${text}; use a directory on another one`, { cause: error });
    }
    throw error;
  }
}

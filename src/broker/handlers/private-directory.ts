/**
 * The two requests that only the directory's own socket answers, and that ApiVersions does not list: DirectoryHandshake says
 * who serves here, HandOver asks the command that is the broker to give its place up (DESIGN 5.5).
 */

import type { DirectoryHandshake } from '../../protocol/private/directory-handshake.ts';
import type { HandOver } from '../../protocol/private/hand-over.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices } from '../services.ts';

export async function handleDirectoryHandshake({ env, session }: BrokerServices): Promise<Reply> {
  const message: ResponseOf<typeof DirectoryHandshake> = {
    clusterId: session.clusterId,
    brokerId: session.brokerId,
    brokerEpoch: BigInt(session.brokerEpoch),
    pid: env.proc.facts().pid,
    command: session.command,
  };
  return { message };
}

export async function handleHandOver(
  { env, session, askHandOver }: BrokerServices,
  { successor, command }: RequestOf<typeof HandOver>,
): Promise<Reply> {
  const message: ResponseOf<typeof HandOver> = {
    accepted: askHandOver({ successor, command }),
    pid: env.proc.facts().pid,
    command: session.command,
  };
  return { message };
}

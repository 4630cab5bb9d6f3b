/** What the commands on groups share: the broker they ask, the names they take, the text of their tables. */
import type { GroupAdmin } from '../client/group-admin.ts';
import { usageError } from './cli-error.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import type { Interruption } from './interrupt.ts';
import { openTarget } from './target.ts';

/** What Kafka's protocol has room for. */
const NAME_BYTES_MAX = 32_767;

/** Nobody can type a group without a name, and a variable that is empty should not mean all or none. */
export function checkGroupNames(names: readonly string[]): void {
  if (names.some((name) => name === '')) throw usageError("a group's name is empty; give its name");
  if (names.some((name) => Buffer.byteLength(name) > NAME_BYTES_MAX)) {
    throw usageError(`a group's name has at most ${NAME_BYTES_MAX} bytes`);
  }
}

/** Signals are the caller's to hear when it gives `interruption`. Throws CliError, ClientError and ClusterError. */
export async function withGroupAdmin<Result>(
  host: Host,
  common: CommonOptions,
  use: (admin: GroupAdmin) => Promise<Result>,
  interruption?: Interruption,
): Promise<Result> {
  const { env } = host;
  const target = await openTarget(host, common, { command: 'groups', createDirectory: false });
  interruption?.begin(() => target.close());
  try {
    const isByDirectory = common.target.kind === 'directory';
    return await use({ env, transport: target.transport, timeoutMs: common.timeoutMs, isByDirectory });
  } finally {
    await target.close();
  }
}

/** A cell for what is not known or not there, as Kafka's tools write it. */
export function cell(value: string | number | null | undefined): string {
  return value === null || value === undefined || value === '' ? '-' : String(value);
}

/** Lag as a time in seconds with a tenth. */
export function secondsCell(lagMs: number | null): string {
  return lagMs === null ? '-' : (lagMs / 1_000).toFixed(1);
}

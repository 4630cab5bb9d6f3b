/** Closing logs of a directory, some at the same time, with what each leaves noted for the next open. */
import type { DirectoryRecords } from './directory-records.ts';
import type { PartitionLog } from './partition-log.ts';

/** Logs that are closed at the same time. */
const CLOSING_COUNT = 16;

/** Answers by name those that the next open need not recover. Nothing may be in flight. */
export async function closeLogs(
  records: Pick<DirectoryRecords, 'closed'>,
  logs: readonly PartitionLog[],
): Promise<ReadonlySet<string>> {
  const clean = new Set<string>();
  for (let from = 0; from < logs.length; from += CLOSING_COUNT) {
    await Promise.all(
      logs.slice(from, from + CLOSING_COUNT).map(async (log) => {
        const result = await log.close();
        records.closed(log, result);
        if (result !== 'unclean') clean.add(log.name);
      }),
    );
  }
  return clean;
}

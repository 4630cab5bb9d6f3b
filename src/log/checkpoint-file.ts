/**
 * Kafka's checkpoint files of a log directory: recovery-point-offset-checkpoint, log-start-offset-checkpoint and
 * replication-offset-checkpoint (the high watermarks). Text:
 *
 *   0\n                                  version
 *   <number of lines that follow>\n
 *   <topic> <partition> <offset>\n       in no order that matters
 *
 * Source: Kafka's CheckpointFile and OffsetCheckpointFile. As there, a file that does not parse counts as none.
 */

export type OffsetsByPartition = Map<string, number>;

const LINE = /^(\S+) (\d{1,10}) (\d{1,16})$/;

/** The offsets, keyed `<topic>-<partition>`; undefined when version, count or a line is wrong. */
export function parseOffsetCheckpoint(text: string): OffsetsByPartition | undefined {
  const lines = checkpointLines(text);
  if (lines === undefined) return undefined;
  const offsets: OffsetsByPartition = new Map();
  for (const line of lines) {
    const match = LINE.exec(line);
    const offset = Number(match?.[3]);
    if (match === null || !Number.isSafeInteger(offset)) return undefined;
    offsets.set(`${match[1]}-${match[2]}`, offset);
  }
  return offsets;
}

export function formatOffsetCheckpoint(offsets: ReadonlyMap<string, number>): string {
  let text = `0\n${offsets.size}\n`;
  for (const [name, offset] of offsets) {
    const dash = name.lastIndexOf('-');
    text += `${name.slice(0, dash)} ${name.slice(dash + 1)} ${offset}\n`;
  }
  return text;
}

/** The lines below the two header lines; undefined when version or count is wrong or the last line is not ended. */
export function checkpointLines(text: string): string[] | undefined {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines[0] !== '0') return undefined;
  return lines[1] === String(lines.length - 2) ? lines.slice(2) : undefined;
}

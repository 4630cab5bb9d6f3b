/**
 * Committed offsets as lines, one a partition, that `offsets export` writes and `offsets import` and `groups reset --to file:F` read:
 *
 *     {"group":"g","topic":"t","partition":0,"offset":42,"leaderEpoch":-1,"metadata":""}
 *
 * Read too is what kafka-consumer-groups --export writes: `"topic",partition,offset`, with the group before it when it is of many.
 */
import type { CommittedOffset } from '../client/group-offsets-admin.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';
import type { Host } from './host.ts';
import { printableJson } from './printable.ts';

export interface OffsetLine extends CommittedOffset {
  /** undefined where the line does not say. */
  readonly group: string | undefined;
}

/** Offsets of a million partitions; what is larger is some other file. */
const FILE_BYTES_MAX = 256 << 20;
/** What Kafka's protocol has room for. */
const TEXT_BYTES_MAX = 32_767;
const INT32_MAX = 0x7fffffff;
const READ_BYTES = 64 << 10;
const CSV = /^(?:("(?:[^"]|"")*"|[^",]*),)?("(?:[^"]|"")*"|[^",]+),(\d+),(\d+)$/;

export function offsetLine(
  group: string,
  { topic, partition, offset, leaderEpoch, metadata }: CommittedOffset,
): string {
  return printableJson({ group, topic, partition, offset, leaderEpoch, metadata });
}

/** All lines of a file, `-` = standard input; empty ones are passed over. Throws CliError 9 for a line that is none. */
export async function readOffsetLines(host: Host, path: string): Promise<OffsetLine[]> {
  const text = await readText(host, path);
  const seen = new Set<string>();
  return text.split('\n').flatMap((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '') return [];
    const where = `${path === '-' ? 'standard input' : path} line ${index + 1}`;
    const found = trimmed.startsWith('{') ? fromJson(trimmed) : fromCsv(trimmed);
    if (typeof found === 'string') throw new CliError(EXIT.data, `${where}: ${found}`);
    const key = JSON.stringify([found.group, found.topic, found.partition]);
    if (seen.has(key)) {
      throw new CliError(EXIT.data, `${where}: topic '${found.topic}' partition ${found.partition} stands here twice`);
    }
    seen.add(key);
    return [found];
  });
}

async function readText(host: Host, path: string): Promise<string> {
  const input = await host.openInput(path);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const chunk = Buffer.alloc(READ_BYTES);
      const length = await input.read(chunk);
      if (length === 0) break;
      bytes += length;
      if (bytes > FILE_BYTES_MAX) throw new CliError(EXIT.data, `${input.name} is too large for a list of offsets`);
      chunks.push(chunk.subarray(0, length));
    }
  } finally {
    await input.close();
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Answers what is wrong with the line if something is. */
function fromJson(line: string): OffsetLine | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'no JSON';
  }
  if (typeof value !== 'object' || value === null) return 'no JSON object';
  const fields = new Map<string, unknown>(Object.entries(value));
  const [group, topic] = [fields.get('group'), fields.get('topic')];
  const [partition, offset] = [fields.get('partition'), fields.get('offset')];
  const leaderEpoch = fields.get('leaderEpoch') ?? -1;
  const metadata = fields.get('metadata') ?? '';
  if (topic === undefined || topic === '') return '"topic" is missing';
  if (leaderEpoch !== -1 && !isInt32(leaderEpoch)) return '"leaderEpoch" is no epoch';
  if (!isText(metadata)) return '"metadata" is no text';
  return checked({ group, topic, partition, offset }, { leaderEpoch, metadata });
}

function fromCsv(line: string): OffsetLine | string {
  const match = CSV.exec(line);
  if (match === null) return 'neither JSON nor topic,partition,offset';
  const [, group, topic = '', partition, offset] = match;
  const place = { topic: unquoted(topic), partition: Number(partition), offset: Number(offset) };
  return checked(
    { group: group === undefined ? undefined : unquoted(group), ...place },
    { leaderEpoch: -1, metadata: '' },
  );
}

function checked(
  { group, topic, partition, offset }: Readonly<Record<'group' | 'topic' | 'partition' | 'offset', unknown>>,
  rest: Pick<OffsetLine, 'leaderEpoch' | 'metadata'>,
): OffsetLine | string {
  if (group !== undefined && (!isText(group) || group === '')) return '"group" is no name';
  if (!isText(topic)) return '"topic" is no name';
  if (!isInt32(partition)) return '"partition" is no partition';
  if (!isCount(offset)) return '"offset" is no offset';
  return { group, topic, partition, offset, ...rest };
}

/** One that the protocol has room for, and that does not become another one on its way: half a character would. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && Buffer.byteLength(value) <= TEXT_BYTES_MAX && !/\p{Surrogate}/u.test(value);
}

function isInt32(value: unknown): value is number {
  return isCount(value) && value <= INT32_MAX;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}

/**
 * Reads the segment files of closed partitions, without the code that wrote them, and checks what must hold of their
 * batches: whole, right checksum, dense offsets (I-3), epochs that never fall, each producer's sequence once (I-5), in order
 * (I-4); and that indexes and checkpoints say of the log what is in it (I-28).
 *
 *     0 base offset 8 | 8 length 4 | 12 leader epoch 4 | 16 magic 1 | 17 crc 4 | 21 attributes 2 | 23 last offset delta 4
 *     27 timestamps 16 | 43 producer id 8 | 51 producer epoch 2 | 53 base sequence 4 | 57 record count 4 | 61 records
 */
import { crc32c } from '../../src/kernel/crc32c.ts';
import type { SimMachine } from './sim-machine.ts';

const HEADER_BYTES = 61;
/** Base offset and length, which `length` does not count. */
const OVERHEAD_BYTES = 12;
const CRC_FROM = 21;

interface PartitionState {
  /** undefined before the first segment, whose base is where the log begins: what lies before it was deleted. */
  nextOffset: number | undefined;
  startsAt: number;
  /** First offset of each leader epoch, in the order of the log. */
  readonly epochs: { readonly epoch: number; readonly startOffset: number }[];
  /** By producer id and epoch: the next sequence. */
  readonly sequences: Map<string, number>;
}

interface BatchPlace {
  readonly position: number;
  readonly lastOffset: number;
  readonly maxTimestamp: bigint;
}

export interface FilesFound {
  /** The end offset of each partition, by number. */
  readonly ends: readonly number[];
  /** Bytes of the `.log` files of each partition. */
  readonly logBytes: readonly number[];
}

/** Of a closed topic; violations go to the machine's world. */
export function checkLogFiles(
  machine: SimMachine,
  brokerDirectory: string,
  topic: string,
  partitions: number,
): FilesFound {
  const found = { ends: [] as number[], logBytes: [] as number[] };
  for (let partition = 0; partition < partitions; partition++) {
    const folder = `${brokerDirectory}/log/${topic}-${partition}`;
    const state: PartitionState = { nextOffset: undefined, startsAt: 0, epochs: [], sequences: new Map() };
    let logBytes = 0;
    for (const { path, inode } of machine.files.files(folder)) {
      if (!path.endsWith('.log')) continue;
      logBytes += inode.content.size;
      checkSegment(machine, path, inode.content.bytes(), state);
    }
    checkEpochFile(machine, `${folder}/leader-epoch-checkpoint`, state, logStart(machine, brokerDirectory, folder));
    found.ends.push(state.nextOffset ?? 0);
    found.logBytes.push(logBytes);
  }
  return found;
}

function checkSegment(machine: SimMachine, path: string, bytes: Buffer, state: PartitionState): void {
  const base = Number(/(\d{20})\.log$/.exec(path)?.[1]);
  const batches: BatchPlace[] = [];
  let wrong: Wrong | undefined;
  if (state.nextOffset === undefined) state.startsAt = base;
  state.nextOffset ??= base;
  if (base !== state.nextOffset) {
    wrong = { rule: 'I-3', text: `begins at ${base}, the segment before ends at ${state.nextOffset}` };
  }
  let position = 0;
  while (wrong === undefined && position < bytes.length) {
    wrong = checkFrame(bytes, position) ?? checkBatch(bytes, position, state);
    if (wrong !== undefined) break;
    batches.push({
      position,
      lastOffset: (state.nextOffset ?? 0) - 1,
      maxTimestamp: bytes.readBigInt64BE(position + 35),
    });
    position += OVERHEAD_BYTES + bytes.readInt32BE(position + 8);
  }
  wrong ??= checkOffsetIndex(contentOf(machine, path.replace(/log$/, 'index')), base, batches);
  wrong ??= checkTimeIndex(contentOf(machine, path.replace(/log$/, 'timeindex')), base, batches);
  if (wrong !== undefined) machine.world.violate(wrong.rule, `${path} at ${position}: ${wrong.text}`);
}

function contentOf(machine: SimMachine, path: string): Buffer {
  return machine.files.find(path)?.content.bytes() ?? Buffer.alloc(0);
}

/** Each entry names a batch by its last offset and its position; both rise (Kafka's --index-sanity-check, I-28). */
function checkOffsetIndex(index: Buffer, base: number, batches: readonly BatchPlace[]): Wrong | undefined {
  const lastOffsetAt = new Map(batches.map(({ position, lastOffset }) => [position, lastOffset]));
  let before = -1;
  for (let at = 0; at + 8 <= index.length; at += 8) {
    const offset = base + index.readInt32BE(at);
    const position = index.readInt32BE(at + 4);
    if (offset <= before || lastOffsetAt.get(position) !== offset) {
      return { rule: 'I-28', text: `index entry ${at / 8}: offset ${offset} at position ${position}` };
    }
    before = offset;
  }
  return undefined;
}

/** Each entry names the batch with the largest timestamp so far; offsets and timestamps rise. */
function checkTimeIndex(index: Buffer, base: number, batches: readonly BatchPlace[]): Wrong | undefined {
  const timestampOf = new Map(batches.map(({ lastOffset, maxTimestamp }) => [lastOffset, maxTimestamp]));
  let before: { readonly timestamp: bigint; readonly offset: number } = { timestamp: -2n, offset: -1 };
  for (let at = 0; at + 12 <= index.length; at += 12) {
    const entry = { timestamp: index.readBigInt64BE(at), offset: base + index.readInt32BE(at + 8) };
    const rises = entry.timestamp > before.timestamp && entry.offset > before.offset;
    if (!rises || timestampOf.get(entry.offset) !== entry.timestamp) {
      return { rule: 'I-28', text: `time index entry ${at / 12}: ${entry.timestamp} at offset ${entry.offset}` };
    }
    before = entry;
  }
  return undefined;
}

/** Where `log-starts` says that the log begins; 0 when it says nothing. */
function logStart(machine: SimMachine, brokerDirectory: string, folder: string): number {
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const lines = contentOf(machine, `${brokerDirectory}/log-starts`).toString().split('\n');
  return Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[2] ?? 0);
}

/**
 * Every epoch that a batch has stands in the checkpoint, with the offset at which it begins; of one that began before the log's
 * start, with any that the log once started at: the file follows a start with its next write.
 */
function checkEpochFile(machine: SimMachine, path: string, { epochs }: PartitionState, startsAt: number): void {
  const lines = contentOf(machine, path).toString().split('\n').slice(2, -1);
  const written = new Map(lines.map((line) => line.split(' ').map(Number) as [number, number]));
  for (const [at, { epoch, startOffset }] of epochs.entries()) {
    const isDeleted = (epochs[at + 1]?.startOffset ?? Number.POSITIVE_INFINITY) <= startsAt;
    const offset = written.get(epoch) ?? Number.NaN;
    // The first epoch that is left may have begun before what is left of it.
    if (isDeleted || ((at === 0 || offset >= startOffset) && offset <= Math.max(startOffset, startsAt))) continue;
    const text = `${path}: ${lines.join('; ')}; epoch ${epoch} begins at ${startOffset}, the log at ${startsAt}`;
    machine.world.violate('I-28', text);
    return;
  }
}

interface Wrong {
  readonly rule: string;
  readonly text: string;
}

function checkFrame(bytes: Buffer, position: number): Wrong | undefined {
  if (bytes.length - position < HEADER_BYTES) return { rule: 'I-26', text: 'half a header' };
  const end = position + OVERHEAD_BYTES + bytes.readInt32BE(position + 8);
  if (end > bytes.length || end < position + HEADER_BYTES) return { rule: 'I-26', text: 'a batch that is not whole' };
  if (bytes.readUInt32BE(position + 17) !== crc32c(bytes, position + CRC_FROM, end) >>> 0) {
    return { rule: 'I-29', text: 'a wrong checksum' };
  }
  return undefined;
}

function checkBatch(bytes: Buffer, at: number, state: PartitionState): Wrong | undefined {
  const baseOffset = Number(bytes.readBigInt64BE(at));
  const leaderEpoch = bytes.readInt32BE(at + 12);
  const count = bytes.readInt32BE(at + 23) + 1;
  if (baseOffset !== state.nextOffset) return { rule: 'I-3', text: `offset ${baseOffset}, not ${state.nextOffset}` };
  const epochBefore = state.epochs.at(-1)?.epoch ?? -1;
  if (leaderEpoch < epochBefore) return { rule: 'I-3', text: `epoch ${leaderEpoch} after ${epochBefore}` };
  if (leaderEpoch > epochBefore) state.epochs.push({ epoch: leaderEpoch, startOffset: baseOffset });
  state.nextOffset = baseOffset + count;
  const producerId = bytes.readBigInt64BE(at + 43);
  if (producerId < 0n) return undefined;
  const producer = `${producerId}/${bytes.readInt16BE(at + 51)}`;
  const sequence = bytes.readInt32BE(at + 53);
  // Of a log whose beginning was deleted, a producer's first batch may be any.
  const expected = state.sequences.get(producer) ?? (state.startsAt > 0 ? sequence : 0);
  if (sequence !== expected) {
    return {
      rule: sequence < expected ? 'I-5' : 'I-4',
      text: `producer ${producer}: sequence ${sequence}, not ${expected}`,
    };
  }
  state.sequences.set(producer, sequence + count);
  return undefined;
}

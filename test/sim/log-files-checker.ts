/**
 * Reads the segment files of closed partitions, without the code that wrote them, and checks what must hold of their
 * batches: whole, right checksum, dense offsets (I-3), epochs that never fall, each producer's sequence once (I-5), in order
 * (I-4).
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
  nextOffset: number;
  leaderEpoch: number;
  /** By producer id and epoch: the next sequence. */
  readonly sequences: Map<string, number>;
}

/** The end offset of each partition of the topic, by number; violations go to the machine's world. */
export function checkLogFiles(
  machine: SimMachine,
  brokerDirectory: string,
  topic: string,
  partitions: number,
): number[] {
  return Array.from({ length: partitions }, (_, partition) => {
    const folder = `${brokerDirectory}/log/${topic}-${partition}`;
    const state: PartitionState = { nextOffset: 0, leaderEpoch: 0, sequences: new Map() };
    for (const { path, inode } of machine.files.files(folder)) {
      if (path.endsWith('.log')) checkSegment(machine, path, inode.content.bytes(), state);
    }
    return state.nextOffset;
  });
}

function checkSegment(machine: SimMachine, path: string, bytes: Buffer, state: PartitionState): void {
  const base = Number(/(\d{20})\.log$/.exec(path)?.[1]);
  let wrong: Wrong | undefined;
  if (base !== state.nextOffset) {
    wrong = { rule: 'I-3', text: `begins at ${base}, the segment before ends at ${state.nextOffset}` };
  }
  let position = 0;
  while (wrong === undefined && position < bytes.length) {
    wrong = checkFrame(bytes, position) ?? checkBatch(bytes, position, state);
    if (wrong === undefined) position += OVERHEAD_BYTES + bytes.readInt32BE(position + 8);
  }
  if (wrong !== undefined) machine.world.violate(wrong.rule, `${path} at ${position}: ${wrong.text}`);
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
  if (leaderEpoch < state.leaderEpoch) return { rule: 'I-3', text: `epoch ${leaderEpoch} after ${state.leaderEpoch}` };
  state.nextOffset += count;
  state.leaderEpoch = leaderEpoch;
  const producerId = bytes.readBigInt64BE(at + 43);
  if (producerId < 0n) return undefined;
  const producer = `${producerId}/${bytes.readInt16BE(at + 51)}`;
  const sequence = bytes.readInt32BE(at + 53);
  const expected = state.sequences.get(producer) ?? 0;
  if (sequence !== expected) {
    return {
      rule: sequence < expected ? 'I-5' : 'I-4',
      text: `producer ${producer}: sequence ${sequence}, not ${expected}`,
    };
  }
  state.sequences.set(producer, sequence + count);
  return undefined;
}

/** The entries of the files beside a `.log`, one line each. */
import { parseLeaderEpochFile } from '../leader-epoch-file.ts';
import { OFFSET_INDEX_ENTRY_BYTES } from '../offset-index.ts';
import { parseProducerSnapshot } from '../producer-snapshot.ts';
import { TIME_INDEX_ENTRY_BYTES } from '../time-index.ts';

export type Entry = Readonly<Record<string, string | number>>;

/** Of a `.index`: the last offset of a batch, and where in the `.log` it begins. */
export function offsetIndexEntries(content: Buffer, baseOffset: number): Entry[] {
  return entriesOf(content, OFFSET_INDEX_ENTRY_BYTES, (at) => ({
    offset: baseOffset + content.readInt32BE(at),
    position: content.readInt32BE(at + 4),
  }));
}

/** Of a `.timeindex`: the largest timestamp so far, and the offset of it. */
export function timeIndexEntries(content: Buffer, baseOffset: number): Entry[] {
  return entriesOf(content, TIME_INDEX_ENTRY_BYTES, (at) => ({
    timestamp: String(content.readBigInt64BE(at)),
    offset: baseOffset + content.readInt32BE(at + 8),
  }));
}

/** Of a `.snapshot`: what is known of each producer; undefined when it is none, or its CRC does not match. */
export function snapshotEntries(content: Buffer): Entry[] | undefined {
  return parseProducerSnapshot(content, 0)
    ?.all()
    .map(({ producerId, epoch, coordinatorEpoch, lastTimestamp, transactionFirstOffset, batches }) => ({
      producerId: String(producerId),
      producerEpoch: epoch,
      coordinatorEpoch,
      lastSequence: batches[0]?.lastSequence ?? -1,
      lastOffset: batches[0]?.lastOffset ?? -1,
      lastTimestamp: String(lastTimestamp),
      currentTransactionFirstOffset: transactionFirstOffset,
    }));
}

/** Of a leader-epoch-checkpoint; undefined when it does not parse. */
export function epochEntries(content: Buffer): Entry[] | undefined {
  return parseLeaderEpochFile(content.toString('latin1'))?.map(({ epoch, startOffset }) => ({ epoch, startOffset }));
}

function entriesOf(content: Buffer, entryBytes: number, entry: (at: number) => Entry): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at + entryBytes <= content.length; at += entryBytes) entries.push(entry(at));
  return entries;
}

/**
 * Follows the idempotent producers through the batches of a partition: no batch stands in the log twice, none is missing between
 * two of one producer, and the snapshots say what the batches before them say (contract 3.4).
 */
import { FileFindings } from '../../kernel/finding.ts';
import { producerBatchOf } from '../producer-batch.ts';
import { parseProducerSnapshot } from '../producer-snapshot.ts';
import { PRODUCER_WINDOW_BATCHES, sequenceAfter } from '../producer-state.ts';

interface Followed {
  readonly epoch: number;
  readonly lastSequence: number;
  readonly lastOffset: number;
  readonly timestamp: bigint;
  /** First sequences of the last batches, oldest first. */
  readonly window: readonly number[];
}

/** A producer that was silent for so long may have been forgotten, and begins anew with any sequence. */
const FORGOTTEN_AFTER_MS = 86_400_000n;

export class ProducerCheck {
  readonly #producers = new Map<bigint, Followed>();
  readonly #dense: boolean;

  /** `dense`: no batch was taken out by compaction. */
  constructor(dense: boolean) {
    this.#dense = dense;
  }

  /** Adds what is wrong with the batch whose header is at `at` to the findings of its segment. */
  batch(findings: FileFindings, bytes: Buffer, at: number, position: number): void {
    const batch = producerBatchOf(bytes, at);
    if (batch === undefined || batch.control) return;
    const { producerId, epoch, baseSequence, lastOffset, timestamp } = batch;
    const before = this.#producers.get(producerId);
    const lastSequence = sequenceAfter(baseSequence, batch.lastOffsetDelta);
    const known = before?.epoch === epoch ? before : undefined;
    if (known !== undefined && this.#dense) {
      const problem = problemOf(known, baseSequence, timestamp);
      const place = { position, offset: lastOffset - batch.lastOffsetDelta };
      if (problem !== undefined) findings.add('damage', 'producer', `producer ${producerId}: ${problem}`, place);
    }
    const window = [...(known?.window ?? []).slice(1 - PRODUCER_WINDOW_BATCHES), baseSequence];
    this.#producers.set(producerId, { epoch, lastSequence, lastOffset, timestamp, window });
  }

  /** Compares a snapshot with the batches so far; those below `firstOffset` are not in the log any more. */
  snapshot(path: string, content: Buffer, firstOffset: number): FileFindings {
    const findings = new FileFindings(path);
    const table = parseProducerSnapshot(content, 0);
    if (table === undefined) {
      findings.add('derivable', 'crc', 'it is no producer snapshot, or its CRC does not match');
      return findings;
    }
    for (const { producerId, epoch, batches } of table.all()) {
      const newest = batches[batches.length - 1];
      if (newest === undefined || newest.lastOffset < firstOffset) continue;
      const seen = this.#producers.get(producerId);
      const holds =
        seen !== undefined &&
        seen.lastOffset === newest.lastOffset &&
        (seen.epoch !== epoch || seen.lastSequence === newest.lastSequence);
      // Of a compacted log a producer's newest batch at that time may be gone, once it wrote a newer one.
      const mayBeGone = !this.#dense && (seen === undefined || seen.lastOffset < newest.lastOffset);
      if (holds || mayBeGone) continue;
      const text = `producer ${producerId} at offset ${newest.lastOffset}, and by the batches at ${seen?.lastOffset ?? 'none'}`;
      findings.add('derivable', 'snapshot', text, { offset: newest.lastOffset });
    }
    return findings;
  }
}

function problemOf(known: Followed, baseSequence: number, timestamp: bigint): string | undefined {
  const expected = sequenceAfter(known.lastSequence, 1);
  if (baseSequence === expected) return undefined;
  if (known.window.includes(baseSequence)) return `the batch of sequence ${baseSequence} stands in the log twice`;
  const apart = timestamp - known.timestamp;
  if (apart > FORGOTTEN_AFTER_MS || apart < -FORGOTTEN_AFTER_MS) return undefined;
  return `sequence ${baseSequence} where ${expected} comes next`;
}

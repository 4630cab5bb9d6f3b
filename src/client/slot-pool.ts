import { BatchSlot } from './batch-slot.ts';

/** Memory that all slots of a run may take together; with the line buffer it keeps a producer below 32 MiB (R10). */
const SLOTS_BYTES_MAX = 24 << 20;
const SLOT_BYTES_MAX = 1 << 20;
const SLOT_BYTES_MIN = 4 << 10;
/** Beyond those being filled: five in flight, which is what a broker remembers of an idempotent producer. */
const IN_FLIGHT_COUNT = 5;
/** A line that fits no slot gets one of its own; so many may exist at once. */
const LARGE_COUNT_MAX = 2;

export interface SlotPoolOptions {
  /** Partitions that may be filled at the same time. */
  readonly fillingCount: number;
  /** The topic's max.message.bytes. */
  readonly maxBatchBytes: number;
}

/** A bounded number of slots, made when first needed and used again and again. */
export class SlotPool {
  /** What an ordinary slot holds at most. */
  readonly slotBytes: number;
  readonly #countMax: number;
  readonly #free: BatchSlot[] = [];
  #madeCount = 0;
  #largeCount = 0;

  constructor({ fillingCount, maxBatchBytes }: SlotPoolOptions) {
    const wantedCount = fillingCount + IN_FLIGHT_COUNT * Math.min(fillingCount, 4);
    const sharedBytes = Math.max(SLOT_BYTES_MIN, Math.floor(SLOTS_BYTES_MAX / wantedCount));
    this.slotBytes = Math.min(SLOT_BYTES_MAX, sharedBytes, maxBatchBytes);
    this.#countMax = wantedCount;
  }

  /** A slot with room for a batch of `neededBytes`; undefined when all are in use. */
  take(neededBytes: number): BatchSlot | undefined {
    if (neededBytes > this.slotBytes) {
      if (this.#largeCount >= LARGE_COUNT_MAX) return undefined;
      this.#largeCount++;
      return new BatchSlot(neededBytes);
    }
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#madeCount >= this.#countMax) return undefined;
    this.#madeCount++;
    return new BatchSlot(this.slotBytes);
  }

  give(slot: BatchSlot): void {
    if (slot.limitBytes > this.slotBytes) this.#largeCount--;
    else this.#free.push(slot);
  }
}

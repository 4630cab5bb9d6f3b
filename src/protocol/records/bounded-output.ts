import { KafkaError } from '../errors.ts';

/** For streams that hold more than their reader allows, or that their codec does not allow at all. */
export function brokenStream(what: string): KafkaError {
  return new KafkaError('INVALID_RECORD', what);
}

/**
 * Copies `byteCount` bytes from `distance` bytes back in what was already written, for the LZ family: with a distance
 * shorter than the count, the copy repeats its own output. Answers the position behind it. The caller has checked that
 * 0 < distance <= position, and that the output has room.
 */
export function copyBack(output: Buffer, position: number, distance: number, byteCount: number): number {
  const end = position + byteCount;
  if (byteCount > LOOP_BYTES_MAX && distance >= byteCount) {
    output.copyWithin(position, position - distance, position - distance + byteCount);
    return end;
  }
  for (let at = position; at < end; at++) {
    output[at] = output[at - distance] as number;
  }
  return end;
}

/** Copies literals from the input. Answers the output position behind them. The caller has checked both ends. */
export function copyLiterals(
  input: Buffer,
  start: number,
  byteCount: number,
  output: Buffer,
  position: number,
): number {
  if (byteCount > LOOP_BYTES_MAX) {
    input.copy(output, position, start, start + byteCount);
  } else {
    for (let index = 0; index < byteCount; index++) {
      output[position + index] = input[start + index] as number;
    }
  }
  return position + byteCount;
}

/** A call into the engine's copy costs about as much as this many turns of a loop. */
const LOOP_BYTES_MAX = 48;

/**
 * Copies of short stretches of bytes, in loops that call nothing: a native copy costs more than its bytes below about 200.
 *
 * Eight bytes at a time go as a floating-point number, the widest value that costs no memory. Every number but NaN keeps
 * its bits from `getFloat64` to `setFloat64`; of a NaN that is not said, so such eight bytes go in two halves.
 */

/** So many bytes behind a stretch are read and written too, whatever they are. */
export const COPY_SLACK_BYTES = 8;

/** From here on a native copy is quicker. */
export const NATIVE_COPY_BYTES = 208;

/** A view on exactly these bytes. */
export function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

/**
 * Copies `length` bytes, and up to `COPY_SLACK_BYTES` - 1 more: the target's are overwritten by what comes next or mean
 * nothing. Both views must reach that far.
 */
export function copyShort(source: DataView, from: number, target: DataView, to: number, length: number): void {
  for (let step = 0; step < length; step += 8) {
    const eight = source.getFloat64(from + step, true);
    if (!Number.isNaN(eight)) {
      target.setFloat64(to + step, eight, true);
    } else {
      target.setInt32(to + step, source.getInt32(from + step, true), true);
      target.setInt32(to + step + 4, source.getInt32(from + step + 4, true), true);
    }
  }
}

import { usageError } from './cli-error.ts';

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Bytes of a size such as `500M`, `20G`, `1.5GiB` or `1073741824`: units are powers of 1024, in either case, with or without `B`
 * or `iB`. Throws a usage error that names `source` (a flag) for anything else.
 */
export function parseByteSize(text: string, source: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const bytes = Math.round(Number(match?.[1]) * (UNIT_BYTES[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN));
  if (match === null || !Number.isSafeInteger(bytes)) {
    throw usageError(`${source}: '${text}' is no size; write it like 500M, 20G or 1.5T`);
  }
  return bytes;
}

/** A size for people: `512 B`, `1.5 MiB`. */
export function describeBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024) return unit === 'B' ? `${value} B` : `${value.toFixed(1)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} TiB`;
}

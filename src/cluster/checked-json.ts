/**
 * The frame around every JSON file of ours: one line `{"crc":"<8 hex>","<kind>":<text>}` and a line feed. The CRC-32C is
 * over the bytes of `<text>` as they stand, so a reader checks before it parses, and no two serialisers need to agree.
 */
import { crc32c } from '../kernel/crc32c.ts';
import { parseStrictJson } from '../kernel/strict-json.ts';
import { ClusterError } from './cluster-error.ts';
import { FORMAT_VERSION } from './layout.ts';

export type FileKind = 'cluster' | 'entry' | 'snapshot' | 'owner';

const CRC_START = '{"crc":"'.length;
const CRC_DIGITS = 8;
const TAIL = '}\n';

export function sealJson(kind: FileKind, value: object): Buffer {
  const text = JSON.stringify(value);
  return Buffer.from(`{"crc":"${crcOf(Buffer.from(text))}","${kind}":${text}${TAIL}`);
}

/**
 * The object in a file's bytes. Throws ClusterError: `damaged` when frame or CRC are wrong, or what they hold is not JSON as
 * `parseStrictJson` takes it; `format` when the value's version is not ours.
 */
export function unsealJson(kind: FileKind, path: string, bytes: Buffer): Readonly<Record<string, unknown>> {
  const textStart = CRC_START + CRC_DIGITS + `","${kind}":`.length;
  const textEnd = bytes.length - TAIL.length;
  const crc = bytes.toString('latin1', CRC_START, CRC_START + CRC_DIGITS);
  const text = bytes.subarray(textStart, Math.max(textStart, textEnd));
  const framed =
    bytes.toString('latin1', 0, textStart) === `{"crc":"${crc}","${kind}":` &&
    bytes.toString('latin1', textEnd) === TAIL;
  if (!framed || crcOf(text) !== crc) {
    throw new ClusterError('damaged', `${path} is damaged: its checksum does not match`);
  }
  const value = parse(path, text.toString());
  if (typeof value !== 'object' || value === null) {
    throw new ClusterError('damaged', `${path} is damaged: no object inside`);
  }
  const fields = value as Readonly<Record<string, unknown>>;
  if (fields['v'] !== FORMAT_VERSION) {
    throw new ClusterError('format', `${path} has format ${String(fields['v'])}, which needs a newer streamctl`);
  }
  return fields;
}

function parse(path: string, text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ClusterError('damaged', `${path} is damaged: ${error.message}`, { cause: error });
  }
}

function crcOf(text: Buffer): string {
  return crc32c(text, 0, text.length).toString(16).padStart(CRC_DIGITS, '0');
}

import { usageError } from './cli-error.ts';

const SINGLE: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, '0': 0, '\\': 92 };

/**
 * Bytes of a text in which `\n \r \t \0 \\` and `\xHH` stand for the bytes that they name; everything else is UTF-8.
 * A backslash before anything else stays a backslash, as in kcat. Throws a usage error for `\x` without two hex digits.
 */
export function parseEscapes(text: string, source: string): Buffer {
  const parts: Buffer[] = [];
  let rest = text;
  for (let at = rest.indexOf('\\'); at >= 0; at = rest.indexOf('\\')) {
    parts.push(Buffer.from(rest.slice(0, at)));
    const escaped = rest[at + 1] ?? '';
    const single = SINGLE[escaped];
    if (single !== undefined) {
      parts.push(Buffer.from([single]));
      rest = rest.slice(at + 2);
    } else if (escaped === 'x') {
      const hex = rest.slice(at + 2, at + 4);
      if (!/^[0-9a-fA-F]{2}$/.test(hex)) throw usageError(`${source}: \\x needs two hex digits in '${text}'`);
      parts.push(Buffer.from([Number.parseInt(hex, 16)]));
      rest = rest.slice(at + 4);
    } else {
      parts.push(Buffer.from(`\\${escaped}`));
      rest = rest.slice(at + 1 + escaped.length);
    }
  }
  parts.push(Buffer.from(rest));
  return Buffer.concat(parts);
}

/** A delimiter given on the command line: escapes resolved, at least one byte. */
export function parseDelimiter(text: string, source: string): Buffer {
  const bytes = parseEscapes(text, source);
  if (bytes.length === 0) throw usageError(`${source} is empty; a delimiter is at least one byte`);
  return bytes;
}

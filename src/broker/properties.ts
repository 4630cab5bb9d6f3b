/**
 * Java's properties format, as Kafka's configuration files are written: `name=value`, `name: value` or `name value` on a
 * line, `#` and `!` comments, a backslash at the end of a line continues it, `\t \n \r \f \uXXXX` and `\` before any
 * other character for that character itself.
 *
 * Source: the description of java.util.Properties.load.
 */

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

/** The names and values of a properties text in order; of a name given twice, the last value. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of logicalLines(text)) {
    const [name, value] = splitLine(line);
    properties.delete(name);
    properties.set(name, value);
  }
  return properties;
}

/** Lines without comments and blank ones, continuations joined. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let joined: string | undefined;
  for (const natural of text.split(/\r\n|\r|\n/)) {
    const line = natural.replace(/^[ \t\f]+/, '');
    if (joined === undefined && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue;
    const whole: string = (joined ?? '') + line;
    const backslashes = /\\*$/.exec(whole)?.[0].length ?? 0;
    if (backslashes % 2 === 1) {
      joined = whole.slice(0, -1);
    } else {
      lines.push(whole);
      joined = undefined;
    }
  }
  if (joined !== undefined) lines.push(joined);
  return lines;
}

function splitLine(line: string): [name: string, value: string] {
  const name = /^(?:\\.|[^\\=: \t\f])*/.exec(line)?.[0] ?? '';
  const value = line.slice(name.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '');
  return [unescaped(name), unescaped(value)];
}

function unescaped(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, escaped: string) => {
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return ESCAPES[escaped] ?? escaped;
  });
}

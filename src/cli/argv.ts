/** Spellings that oclif's parser does not know, rewritten before it sees them. */

/** `--create` without a number means `--create=1`; `-0` (a digit, which oclif does not take) means `--null`. */
export function normalizeArguments(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((argument, index) => {
    if (end >= 0 && index > end) return argument;
    if (argument === '--create') return '--create=1';
    // `-D -0` is a delimiter of two characters, not the flag.
    if (argument === '-0' && !TAKES_VALUE.has(argv[index - 1] ?? '')) return '--null';
    return argument;
  });
}

const TAKES_VALUE: ReadonlySet<string> = new Set(['-D', '--delimiter', '-K', '--key-delimiter', '-f', '--format']);

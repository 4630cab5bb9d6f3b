/** Spellings that oclif's parser does not know, rewritten before it sees them. */

/** Flags after which `-0` is their value: `-D -0` is a delimiter of two characters, `-o -0` the end of each partition. */
const TAKES_VALUE: ReadonlySet<string> = new Set([
  ...['-D', '--delimiter', '-K', '--key-delimiter', '-f', '--format'],
  ...['-o', '--offset', '-p', '--partition', '-c', '--count'],
]);

/** `-0` among flags of one letter that take no value, as in `-e0`. */
const CLUSTER_WITH_NULL = /^-[eqvJ]*0[eqvJ]*$/;

/** `--create` without a number means `--create=1`; `-0` (a digit, which oclif does not take) means `--null`. */
export function normalizeArguments(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.flatMap((argument, index) => {
    if (end >= 0 && index > end) return [argument];
    if (argument === '--create') return ['--create=1'];
    if (!CLUSTER_WITH_NULL.test(argument) || TAKES_VALUE.has(argv[index - 1] ?? '')) return [argument];
    return [...argument.slice(1)].map((letter) => (letter === '0' ? '--null' : `-${letter}`));
  });
}

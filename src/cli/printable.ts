/** Control characters and those that turn the direction of writing; a line break and a tab do no harm. */
const UNPRINTABLE = /[^\P{Cc}\n\t]|\p{Bidi_Control}/gu;

/**
 * The text as it may go to somebody's terminal: names, paths and what a foreign broker says may hold escape sequences, which are
 * shown as `\x1b` and the like in place of being obeyed. Everything that is said on standard error passes here, and what
 * documents are drawn from.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0);
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`;
  });
}

/** A copy of a plain object, as JSON would carry it, with all its strings printable. */
export function printableCopy<T extends object>(value: T): T {
  const copy: T = JSON.parse(JSON.stringify(value), (_, item: unknown) =>
    typeof item === 'string' ? printable(item) : item,
  );
  return copy;
}

/** One line of JSON in which the characters stand escaped that a terminal would obey. */
export function printableJson(value: object): string {
  return JSON.stringify(value).replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

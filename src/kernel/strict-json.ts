/**
 * JSON of files that others may have written (B-13). `JSON.parse` takes names twice, numbers that lose digits, and nesting without
 * a bound; here all of that is an error, so that what is read means one thing only.
 */

/** Ours nest 6 deep. */
const DEPTH_MAX = 32;
const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * The value that `text` is. Throws SyntaxError for what is no JSON, nests deeper than 32, gives a name twice in one object, has
 * a name that objects inherit (`__proto__`, `constructor`, `toString`), or a number of 2^53 or more.
 */
export function parseStrictJson(text: string): unknown {
  const memberCount = countMembers(text);
  const value: unknown = JSON.parse(text);
  if (checkedMembers(value) !== memberCount) throw new SyntaxError('a name stands twice in one JSON object');
  return value;
}

/** How many names all objects have together. What is no JSON may be counted wrong: it is not parsed afterwards. */
function countMembers(text: string): number {
  let depth = 0;
  let memberCount = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (code === COLON) memberCount += 1;
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth -= 1;
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
      depth += 1;
      if (depth > DEPTH_MAX) throw new SyntaxError(`JSON nests deeper than ${DEPTH_MAX}`);
    }
  }
  return memberCount;
}

/** Where the string that begins at `start` has its closing quote; the end of the text when it has none. */
function stringEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let first = at;
    while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
    if ((at - first) % 2 === 0) return at;
  }
  return text.length;
}

/** How many names the objects in `value` have together, each of them and each number looked at. */
function checkedMembers(value: unknown): number {
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new SyntaxError(`a number in JSON is too large: ${value}`);
  }
  if (typeof value !== 'object' || value === null) return 0;
  let memberCount = 0;
  if (Array.isArray(value)) {
    for (const element of value) memberCount += checkedMembers(element);
    return memberCount;
  }
  for (const [name, member] of Object.entries(value)) {
    if (name in Object.prototype) throw new SyntaxError(`a JSON object has the name ${name}`);
    memberCount += 1 + checkedMembers(member);
  }
  return memberCount;
}

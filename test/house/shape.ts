/** Limits on the shape of files: their length, the length of functions, words that must not stand in them, orphans. */
import { isEntry } from './layers.ts';
import { lineAt, type SourceFile } from './source-code.ts';

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 60;

export function longFiles(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const lines = file.text.trimEnd().split('\n').length;
    if (lines <= FILE_LINES_MAX) return [];
    return [`${file.path}:${FILE_LINES_MAX}: ${lines} lines, ${FILE_LINES_MAX} at most; one duty a file: split it`];
  });
}

export function longFunctions(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    functionsOf(file)
      .filter((found) => found.lines > FUNCTION_LINES_MAX)
      .map(({ line, name, lines }) => {
        return `${file.path}:${line}: ${name} has ${lines} lines, ${FUNCTION_LINES_MAX} at most; move a step out of it`;
      }),
  );
}

export interface FoundFunction {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** Every function, method and arrow with a body in braces; from the line of its name to the one of its `}`. */
export function functionsOf(file: SourceFile): FoundFunction[] {
  const found: FoundFunction[] = [];
  const open: number[] = [];
  for (let at = 0; at < file.code.length; at++) {
    const char = file.code[at];
    if (char === '{') open.push(at);
    if (char !== '}') continue;
    const start = open.pop();
    if (start === undefined) continue;
    const name = functionName(file.code.slice(Math.max(0, start - 1500), start));
    if (name === undefined) continue;
    const line = lineAt(file.text, start);
    found.push({ name, line, lines: lineAt(file.text, at) - line + 1 });
  }
  return found;
}

const NAMED_ARROW = /([\w$#]+)\s*=\s*(?:async\s*)?\(/g;
const NOT_FUNCTIONS = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);

/** The name of the function whose body begins behind `header`; undefined when the brace opens something else. */
function functionName(header: string): string | undefined {
  if (/:\s*$/.test(header)) return undefined;
  if (/=>\s*$/.test(header)) return [...header.matchAll(NAMED_ARROW)].at(-1)?.[1] ?? 'an arrow function';
  const close = /\)\s*(?::[^;{}()=]*(?:\{[^{}]*\}[^;{}()=]*)?(?:\([^()]*\)[^;{}()=]*)?)?$/.exec(header);
  if (close === null || /\b(class|interface)\b/.test(close[0])) return undefined;
  let depth = 0;
  for (let at = close.index; at >= 0; at--) {
    if (header[at] === ')') depth++;
    if (header[at] === '(' && --depth === 0) {
      const name = /([\w$#]+)\s*(?:<[^()]*>)?\s*$/.exec(header.slice(0, at))?.[1];
      return name === undefined || NOT_FUNCTIONS.has(name) ? undefined : name;
    }
  }
  return undefined;
}

interface BannedWord {
  readonly pattern: RegExp;
  readonly instead: string;
}

/** Split in two so that this list does not find itself. */
const BANNED: readonly BannedWord[] = [
  {
    pattern: new RegExp(`\\b(?:TO${'DO'}|FIX${'ME'}|XX${'X'}|HA${'CK'})\\b`, 'g'),
    instead: 'do it now, or file it as an issue',
  },
  {
    pattern: new RegExp(`@ts-(?:ig${'nore'}|expect-${'error'}|noch${'eck'})|biome-ig${'nore'}`, 'g'),
    instead: 'give it its right type or shape',
  },
  { pattern: new RegExp(`(?:c8|istanbul|v8) ig${'nore'}`, 'g'), instead: 'test the branch' },
  {
    pattern: new RegExp(`\\b(?:it|describe|test|specify)\\.(?:sk${'ip'}|on${'ly'})\\b|\\bx(?:it|describe)\\(`, 'g'),
    instead: 'make the test pass, or remove it',
  },
  {
    pattern: new RegExp(`/wo${'rk'}/|/home${'/'}[a-z]+/\\w+/\\w|/Users${'/'}\\w`, 'g'),
    instead: 'no path of one machine; derive it, or take it from the environment',
  },
];

export function bannedWords(file: SourceFile): string[] {
  return BANNED.flatMap((banned) =>
    [...file.text.matchAll(banned.pattern)].map((match) => {
      return `${file.path}:${lineAt(file.text, match.index)}: "${match[0]}" must not stand here; ${banned.instead}`;
    }),
  );
}

/** Files below `src/` that no other file of `importers` imports in any way, tests not counted. */
export function orphans(files: readonly SourceFile[], importers: readonly SourceFile[]): string[] {
  const imported = new Set(
    importers.flatMap((file) =>
      file.imports.flatMap((found) => (found.target === file.path ? [] : (found.target ?? []))),
    ),
  );
  return files
    .filter(({ path }) => path.startsWith('src/') && !isEntry(path) && !imported.has(path))
    .map((file) => `${file.path}:1: nobody imports it; use it, or remove it`);
}

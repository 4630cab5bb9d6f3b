/**
 * The project's TypeScript as the house rules look at it: each file's text, the same text with everything that is not
 * code made blank (so that a word in a comment is no call), and its imports. A small scanner of our own: it knows
 * strings, templates, regular expressions and comments, and nothing else of the language.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export interface Import {
  /** As written: `./x.ts`, `node:fs`, `proper-lockfile`. */
  readonly specifier: string;
  /** Path from the root of the project, `/` between; undefined for packages and built-ins. */
  readonly target: string | undefined;
  /** `type` imports are gone at run time; `dynamic` is `import()` or `require()` or `new Worker(new URL())`. */
  readonly kind: 'static' | 'type' | 'dynamic';
  readonly line: number;
}

export interface SourceFile {
  /** From the root of the project, `/` between. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments and the insides of strings and regular expressions blank, of the same length and lines. */
  readonly code: string;
  readonly imports: readonly Import[];
}

/** All TypeScript files below the named folders of the project; folders that do not exist have none. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) => filesBelow(join(ROOT, folder))).map(readSource);
}

export function parseSource(path: string, text: string): SourceFile {
  const code = blankOut(text);
  return { path, text, code, imports: importsOf(path, text, code) };
}

/** 1 for the first line. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

function filesBelow(folder: string): string[] {
  let entries: import('node:fs').Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => entry.name !== 'node_modules')
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return /\.(ts|mts|js|mjs)$/.test(entry.name) ? [path] : [];
    })
    .sort();
}

function readSource(absolute: string): SourceFile {
  return parseSource(relative(ROOT, absolute).split(sep).join('/'), readFileSync(absolute, 'utf8'));
}

const IMPORT = /\b(?:import|export)\s+(type\s+)?(?:[\w*${},\s]*?\bfrom\s*)?(['"])/g;
const DYNAMIC = /\b(?:import|require|require\.resolve)\s*\(\s*(['"])/g;
const URL_OF = /\bnew\s+URL\s*\(\s*(['"])/g;

function importsOf(path: string, text: string, code: string): Import[] {
  const found: Import[] = [];
  const add = (kind: Import['kind'], quoteAt: number): void => {
    const specifier = text.slice(quoteAt + 1, code.indexOf(text.charAt(quoteAt), quoteAt + 1));
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
    found.push({ specifier, target, kind, line: lineAt(text, quoteAt) });
  };
  for (const match of code.matchAll(IMPORT)) {
    const typesOnly =
      match[1] !== undefined || /^\w+\s*\{(\s*type\s+[\w$]+(\s+as\s+[\w$]+)?\s*,?)+\s*\}/.test(match[0]);
    add(typesOnly ? 'type' : 'static', match.index + match[0].length - 1);
  }
  for (const pattern of [DYNAMIC, URL_OF]) {
    for (const match of code.matchAll(pattern)) {
      // `typeof import('x')` and `import('x').Type` in a type are erased; they name no value.
      const erased = /(:|typeof|<|\|)\s*$/.test(code.slice(Math.max(0, match.index - 12), match.index));
      add(erased ? 'type' : 'dynamic', match.index + match[0].length - 1);
    }
  }
  return found;
}

/** What may stand before a `/` that begins a regular expression rather than a division. */
const BEFORE_REGEXP = /(?:^|[=(,;:!&|?{}[+\-*%<>~^]|\breturn|\btypeof|\bcase|\bin|\bof|=>)\s*$/;

function blankOut(text: string): string {
  const out = text.split('');
  const blank = (from: number, to: number): void => {
    for (let at = from; at < to; at++) if (out[at] !== '\n') out[at] = ' ';
  };
  /** Depths of braces at which a template's `${` is open: at its `}` the template goes on. */
  const templates: number[] = [];
  let braces = 0;
  let at = 0;
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const one = text.charAt(at);
    let end = at + 1;
    if (two === '//') {
      end = indexOrEnd(text, '\n', at);
      blank(at, end);
    } else if (two === '/*') {
      end = indexOrEnd(text, '*/', at + 2) + 2;
      blank(at, end);
    } else if (one === "'" || one === '"') {
      end = stringEnd(text, at);
      blank(at + 1, end - 1);
    } else if (one === '`' || (one === '}' && templates.at(-1) === braces)) {
      if (one === '}') templates.pop();
      end = templateEnd(text, at + 1);
      blank(at + 1, end - 1);
      if (text.charAt(end - 1) === '{') templates.push(braces);
    } else if (one === '{') braces++;
    else if (one === '}') braces--;
    else if (one === '/' && BEFORE_REGEXP.test(out.slice(Math.max(0, at - 12), at).join(''))) {
      end = regexpEnd(text, at);
      blank(at + 1, end - 1);
    }
    at = end;
  }
  return out.join('');
}

function indexOrEnd(text: string, what: string, from: number): number {
  const index = text.indexOf(what, from);
  return index === -1 ? text.length : index;
}

function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === text[from]) return at + 1;
  }
  return text.length;
}

/** Behind the closing backtick or behind the next `${`. */
function templateEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '`') return at + 1;
    else if (text[at] === '$' && text[at + 1] === '{') return at + 2;
  }
  return text.length;
}

function regexpEnd(text: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at + 1;
  }
  return from + 1;
}

/**
 * The world outside is reached through `Env` (DESIGN D8), so that all of `src/` runs on the simulated one. This is the
 * list of what would go around it, where each may stand all the same, and what to use instead.
 */
import { lineAt, type SourceFile } from './source-code.ts';

interface Ban {
  readonly what: string;
  readonly instead: string;
  /** Files in which it may stand: those that make the real Env. */
  readonly allowed: RegExp;
}

interface CodeBan extends Ban {
  readonly pattern: RegExp;
}

interface ModuleBan extends Ban {
  readonly modules: readonly string[];
}

/** The files that are the real Env, and the process' own edge: descriptors, signals, exit codes. */
const REAL_ENV = /^(src\/cli\/(real-|workers\/|process-|fd-|file-input|reader-watch|host)|src\/disk\/|src\/net\/node-)/;

const CODE_BANS: readonly CodeBan[] = [
  {
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)/g,
    what: 'the wall clock',
    instead: 'env.clock.wallMs()',
    allowed: REAL_ENV,
  },
  {
    pattern: /\bperformance\s*\.|\bprocess\.hrtime\b/g,
    what: "the machine's clock",
    instead: 'env.clock.monotonicMs()',
    allowed: REAL_ENV,
  },
  {
    pattern: /\bset(Timeout|Interval)\s*\(/g,
    what: 'a timer',
    instead: 'env.clock.timer() or env.clock.sleep()',
    allowed: REAL_ENV,
  },
  {
    pattern: /\bsetImmediate\s*\(|\bprocess\.nextTick\b/g,
    what: 'the event loop',
    instead: 'env.clock.soon()',
    allowed: REAL_ENV,
  },
  { pattern: /\bMath\.random\b/g, what: 'chance', instead: 'env.random.fraction()', allowed: REAL_ENV },
  {
    pattern: /\brandom(UUID|Bytes|Int|FillSync)\b|\bgetRandomValues\b/g,
    what: 'chance',
    instead: 'env.random.bytes() or env.random.uuid()',
    allowed: REAL_ENV,
  },
  {
    pattern:
      /(?<![.\w?])process\.(?:env|argv|execPath|exit|exitCode|on|once|off|std\w+|cwd|kill|p?pid|platform|versions?|report|\w+Usage|emitWarning|getuid|umask|uptime|binding|abort)\b/g,
    what: 'the process',
    instead: 'env.proc, or a value given by the caller',
    allowed: /^src\/cli\/|^src\/disk\/|^src\/net\/node-|^commands\//,
  },
  { pattern: /\bconsole\s*\./g, what: 'the console', instead: 'env.log, or stdio.note() in commands', allowed: /^$/ },
];

const MODULE_BANS: readonly ModuleBan[] = [
  {
    modules: ['fs', 'fs/promises', 'proper-lockfile', 'chokidar'],
    what: 'the file system',
    instead: 'env.disk or env.lock',
    allowed: REAL_ENV,
  },
  {
    modules: ['net', 'tls', 'dgram', 'http', 'https', 'dns', 'dns/promises'],
    what: 'sockets',
    instead: 'env.net',
    allowed: /^src\/net\/|^src\/cli\/reader-watch/,
  },
  { modules: ['worker_threads'], what: 'threads', instead: 'env.offload or env.lock', allowed: REAL_ENV },
  { modules: ['child_process', 'cluster'], what: 'other processes', instead: 'env.proc', allowed: REAL_ENV },
  {
    modules: ['zlib'],
    what: 'zlib',
    instead: 'src/protocol/records/compression.ts, or env.offload',
    allowed: /^src\/protocol\/|^src\/cli\/real-|^src\/disk\//,
  },
  { modules: ['timers', 'timers/promises', 'perf_hooks'], what: 'timers', instead: 'env.clock', allowed: REAL_ENV },
  { modules: ['process', 'tty', 'readline'], what: 'the process', instead: 'env.proc or Stdio', allowed: REAL_ENV },
];

/** One line for each place in `src/` and `commands/` that goes around Env. */
export function escapesOf(file: SourceFile): string[] {
  return [...codeEscapes(file), ...moduleEscapes(file)];
}

function codeEscapes(file: SourceFile): string[] {
  return CODE_BANS.filter((ban) => !ban.allowed.test(file.path)).flatMap((ban) =>
    [...file.code.matchAll(ban.pattern)].map((match) => {
      const place = `${file.path}:${lineAt(file.text, match.index)}`;
      return `${place}: ${match[0].trim()} reaches ${ban.what} past Env; use ${ban.instead}`;
    }),
  );
}

function moduleEscapes(file: SourceFile): string[] {
  return file.imports.flatMap((found) => {
    if (found.kind === 'type') return [];
    const name = found.specifier.replace(/^node:/, '');
    const ban = MODULE_BANS.find((each) => each.modules.includes(name));
    if (ban === undefined || ban.allowed.test(file.path)) return [];
    return [`${file.path}:${found.line}: imports ${found.specifier}, so ${ban.what} past Env; use ${ban.instead}`];
  });
}

/**
 * Who may import whom (DESIGN section 2). `ALLOWED[a]` lists the layers that a file of layer `a` may import besides its own.
 * The broker's side, `HEAVY`, costs start-up time: what a command loads before it knows that it needs a broker must not
 * reach it, so from there on only an `import()` may lead to it.
 */
import type { Import, SourceFile } from './source-code.ts';

const HEAVY = ['cluster', 'disk', 'log', 'groups', 'coordinator', 'broker'];
const BELOW_CLI = ['kernel', 'protocol', 'net', 'client'];

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  protocol: ['kernel'],
  disk: ['kernel'],
  net: ['kernel'],
  log: ['kernel', 'protocol', 'disk'],
  cluster: ['kernel', 'protocol', 'disk'],
  groups: ['kernel', 'protocol'],
  coordinator: ['kernel', 'protocol', 'log', 'cluster', 'groups'],
  broker: ['kernel', 'protocol', 'disk', 'net', 'log', 'cluster', 'groups', 'coordinator'],
  client: ['kernel', 'protocol', 'net'],
  cli: [...BELOW_CLI, ...HEAVY],
  commands: ['kernel', 'protocol', 'client', 'cli'],
  // What `bin/` starts: the program with all its commands, and the threads of the real Env.
  entry: [...BELOW_CLI, ...HEAVY, 'cli', 'commands'],
};

/** `src/log/segment.ts` -> `log`; `commands/serve.ts` -> `commands`; undefined outside of both. */
export function layerOf(path: string): string | undefined {
  if (isEntry(path)) return 'entry';
  if (path.startsWith('commands/')) return 'commands';
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** Files that nobody imports, because the program or a thread begins there, and the table of all commands. */
export function isEntry(path: string): boolean {
  return /^src\/cli\/(main|command-table|workers\/[^/]+)\.ts$/.test(path);
}

/** One line for each import that breaks the rule: where, and what to do instead. */
export function layerBreaches(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => file.imports.flatMap((found) => breachOf(file, found) ?? []));
}

function breachOf(file: SourceFile, found: Import): string | undefined {
  if (found.target === undefined) return undefined;
  const from = layerOf(file.path);
  const to = layerOf(found.target);
  const where = `${file.path}:${found.line}`;
  if (from === undefined) return `${where}: a file of src/ stands in a layer's folder; move it into one`;
  if (to === undefined) return `${where}: imports ${found.target}, outside of src/ and commands/`;
  if (from === to) return undefined;
  const may = ALLOWED[from];
  if (may === undefined) return `${where}: ${from} is no layer of DESIGN section 2`;
  if (may.includes(to)) return undefined;
  const list = may.join(', ') || 'no other layer';
  return `${where}: ${from} must not import ${to} (it may import ${list}); move the shared part down, or pass it in`;
}

/** Commands that need the files themselves, whatever broker there is. */
const WORK_ON_FILES = /^commands\/(serve|doctor|log\/[^/]+)\.ts$/;

/**
 * One line for each import of the broker's side that a command pays for before it needs it: what is reached, by static
 * imports, from a command or from what a command loads that may find a broker elsewhere.
 */
export function heavyAtStart(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const commands = files.filter(({ path }) => path.startsWith('commands/') || path === 'src/cli/main.ts');
  const loaded = commands
    .filter(({ path }) => !WORK_ON_FILES.test(path))
    .flatMap((file) => file.imports.flatMap((found) => (found.kind === 'dynamic' ? (found.target ?? []) : [])));
  const reached = new Set([...commands.map(({ path }) => path), ...loaded]);
  for (const path of reached) for (const target of staticTargets(byPath.get(path))) reached.add(target);
  return [...reached].sort().flatMap((path) => {
    const file = byPath.get(path);
    if (file === undefined || HEAVY.includes(layerOf(path) ?? '')) return [];
    return file.imports.flatMap((found) => {
      if (found.kind !== 'static' || !HEAVY.includes(layerOf(found.target ?? '') ?? '')) return [];
      return [
        `${path}:${found.line}: every command loads ${found.target} through this; take it by import() when it is needed`,
      ];
    });
  });
}

/** Each circle of run-time imports once, as `a -> b -> a`. */
export function importCycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(files.map((file) => [file.path, staticTargets(file)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt !== -1) {
      cycles.push([...trail.slice(seenAt), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return cycles;
}

function staticTargets(file: SourceFile | undefined): string[] {
  return (file?.imports ?? []).flatMap((found) =>
    found.kind === 'static' && found.target !== undefined ? [found.target] : [],
  );
}

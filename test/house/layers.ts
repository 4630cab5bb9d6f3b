/**
 * Who may import whom (DESIGN section 2). `ALLOWED[a]` lists the layers that a file of layer `a` may import besides its
 * own; `loaded` is what it may only take by `import()`, when it is needed, because it costs start-up time.
 */
import type { Import, SourceFile } from './source-code.ts';

interface LayerRule {
  readonly imports: readonly string[];
  readonly loaded?: readonly string[];
}

const ALLOWED: Readonly<Record<string, LayerRule>> = {
  kernel: { imports: [] },
  protocol: { imports: ['kernel'] },
  disk: { imports: ['kernel'] },
  net: { imports: ['kernel'] },
  log: { imports: ['kernel', 'protocol', 'disk'] },
  cluster: { imports: ['kernel', 'protocol', 'disk'] },
  broker: { imports: ['kernel', 'protocol', 'disk', 'net', 'log', 'cluster'] },
  client: { imports: ['kernel', 'protocol', 'net'] },
  cli: { imports: ['kernel', 'protocol', 'net', 'client'], loaded: ['cluster', 'disk', 'log', 'broker'] },
  commands: { imports: ['kernel', 'protocol', 'client', 'cli'] },
};

/**
 * Files of `cli` that stand behind an `import()` or make the real Env, and may therefore import the broker's side
 * statically: loading one of them is the decision to need it.
 */
const LOADED_WHEN_NEEDED = /^src\/cli\/(real-|embedded-|directory-|serve)/;

/** `src/log/segment.ts` -> `log`; `commands/serve.ts` -> `commands`; undefined outside of both. */
export function layerOf(path: string): string | undefined {
  if (path.startsWith('commands/')) return 'commands';
  return /^src\/([^/]+)\//.exec(path)?.[1];
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
  const rule = ALLOWED[from];
  if (rule === undefined) return `${where}: ${from} is no layer of DESIGN section 2`;
  if (rule.imports.includes(to)) return undefined;
  if (rule.loaded?.includes(to)) {
    if (found.kind !== 'static' || LOADED_WHEN_NEEDED.test(file.path)) return undefined;
    return `${where}: ${from} takes ${to} only by import(), when it is needed (or \`import type\`)`;
  }
  const may =
    [...rule.imports, ...(rule.loaded ?? []).map((layer) => `import() of ${layer}`)].join(', ') || 'no other layer';
  return `${where}: ${from} must not import ${to} (it may import ${may}); move the shared part down, or pass it in`;
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

function staticTargets(file: SourceFile): string[] {
  return file.imports.flatMap((found) => (found.kind === 'static' && found.target !== undefined ? [found.target] : []));
}

/**
 * A program of the simulation as one file, so that loading a module while a simulated process runs is a matter of promises only. On the
 * way source text can be replaced: so a bug is planted in a run without a trace of it in `src/`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = join(HERE, '..', '..');

/** In `file`, a path below the repository, `find` stands exactly once and becomes `replace`. */
export interface SourcePatch {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Bundle {
  readonly path: string;
  remove(): void;
}

/** `entry`: the program, relative to this folder. */
export async function bundleWorker(patches: readonly SourcePatch[] = [], entry = 'seed-worker.ts'): Promise<Bundle> {
  // In node_modules, from where the bundle finds the packages that stay outside of it.
  const folder = mkdtempSync(join(ROOT, 'node_modules', '.sim-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const path = join(folder, 'worker.mjs');
  try {
    await build({
      entryPoints: [join(HERE, entry)],
      outfile: path,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      sourcemap: 'inline',
      logLevel: 'error',
      plugins: patches.length === 0 ? [] : [patching(patches)],
    });
  } catch (error) {
    remove();
    throw error;
  }
  return { path, remove };
}

/** The source with all patches of that file. @throws Error when one of them does not fit any more */
export function patched(file: string, source: string, patches: readonly SourcePatch[]): string {
  let text = source;
  for (const patch of patches.filter((each) => each.file === file)) {
    const pieces = text.split(patch.find);
    if (pieces.length !== 2) throw new Error(`${file} has ${pieces.length - 1} of: ${patch.find}`);
    text = pieces.join(patch.replace);
  }
  return text;
}

function patching(patches: readonly SourcePatch[]): Plugin {
  const files = new Map(patches.map(({ file }) => [join(ROOT, file), file]));
  return {
    name: 'patching',
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = files.get(path);
        if (file === undefined) return undefined;
        return { contents: patched(file, readFileSync(path, 'utf8'), patches), loader: 'ts' };
      });
    },
  };
}

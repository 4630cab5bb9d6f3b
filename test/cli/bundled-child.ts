/**
 * A program of the tests as one plain JavaScript file, with the workers beside it as in the build: it starts in a tenth of the
 * time that the sources take through tsx, and runs what is shipped.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMON: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  external: ['tsx', '@node-rs/*', '@toondepauw/*'],
  logLevel: 'error',
};
/** CommonJS, as the command line is built: what is loaded by `import()` is in the file and runs when it is asked for. */
const PROGRAM: BuildOptions = {
  ...COMMON,
  format: 'cjs',
  define: { 'import.meta.url': 'BUNDLE_URL' },
  banner: { js: `const BUNDLE_URL = require('node:url').pathToFileURL(__filename).href;` },
};
const WORKER: BuildOptions = {
  ...COMMON,
  format: 'esm',
  banner: {
    js: `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`,
  },
};

export interface BundledChild {
  /** The file to run. */
  readonly path: string;
  remove(): void;
}

/**
 * `source`: a file of the repository, as a path from its root, or a text that may import such files by `./src/...`. Without
 * `await` at its top level.
 */
export function bundledChild(source: { readonly file: string } | { readonly text: string }): BundledChild {
  const folder = mkdtempSync(join(tmpdir(), 'streamctl-child-'));
  const path = join(folder, 'child.cjs');
  if ('file' in source) {
    buildSync({ ...PROGRAM, entryPoints: [source.file], outfile: path });
  } else {
    buildSync({ ...PROGRAM, stdin: { contents: source.text, resolveDir: ROOT, loader: 'ts' }, outfile: path });
  }
  // Workers are `.js` files in a package of modules.
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const workers = ['lock-heartbeat', 'decompress'].map((name) => `src/cli/workers/${name}.ts`);
  buildSync({ ...WORKER, entryPoints: workers, outdir: join(folder, 'workers') });
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

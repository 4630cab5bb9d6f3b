/**
 * `npm run build`: src/ and commands/ -> dist/
 *
 *     dist/cli.cjs               the command line in one file, `(function (exports, require, module, ...) {...})`
 *     dist/workers/*.js          one bundle for each worker thread, `src/cli/workers/*.ts`
 *     dist/oclif.manifest.json   oclif's list of commands and flags
 *
 * One CommonJS file with V8's code cache starts fastest of all forms that were measured. What is loaded by `import()` is in
 * the same file, but runs only when it is asked for. Packages with native parts stay outside.
 */
'use strict';
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');
const esbuild = require('esbuild');
const { compileKernels } = require('./compile-kernels.js');
const { oclifPlugin } = require('./oclif-plugin.js');

const ROOT = path.join(__dirname, '..');
const DIST = path.join(ROOT, 'dist');
const EXTERNAL = ['@node-rs/crc32', '@node-rs/crc32-*', '@toondepauw/node-zstd', 'typescript', 'ts-node', 'tsx'];
const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  external: EXTERNAL,
  legalComments: 'none',
  logLevel: 'warning',
};

async function buildCommandLine() {
  const kernels = Buffer.from(await compileKernels()).toString('base64');
  const result = await esbuild.build({
    ...COMMON,
    entryPoints: [require.resolve('../src/cli/main.ts')],
    outfile: 'dist/cli.cjs',
    format: 'cjs',
    charset: 'ascii',
    // Code that runs from a cache has no loader of modules; `require` serves for what stays outside.
    supported: { 'dynamic-import': false },
    write: false,
    metafile: true,
    define: {
      'import.meta.url': 'BUNDLE_URL',
      'process.env.NODE_ENV': '"production"',
      // `src/client/line-kernels.ts`: two kilobytes of text cost a start nothing, another file would.
      LINE_KERNELS: JSON.stringify(kernels),
    },
    plugins: [oclifPlugin],
    banner: {
      js: `const BUNDLE_URL = require('node:url').pathToFileURL(__filename).href;
const lateBuiltin = (name) => new Proxy({}, { get: (_, member) => require(name)[member] });`,
    },
  });
  const text = lateBuiltins(result.outputFiles.find((file) => file.path.endsWith('.cjs')).text);
  const id = createHash('sha256').update(text).digest('hex').slice(0, 16);
  // The build's id stands first, so that cached code is never used for another build of the same length.
  const wrapped = `/*${id}*/(function (exports, require, module, __filename, __dirname) {${text}\n})`;
  if (process.env.STREAMCTL_METAFILE) fs.writeFileSync(process.env.STREAMCTL_METAFILE, JSON.stringify(result.metafile));
  return [{ file: path.join(DIST, 'cli.cjs'), text: wrapped }];
}

/** Parts of Node that take milliseconds to load and that most runs do not need: loaded when they are touched. */
function lateBuiltins(text) {
  return text.replaceAll(/(\w+) = require\("(node:zlib)"\);/g, '$1 = lateBuiltin("$2");');
}

async function buildWorkers() {
  const folder = path.join(ROOT, 'src/cli/workers');
  const entryPoints = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith('.ts')) : [];
  const result = await esbuild.build({
    ...COMMON,
    entryPoints: entryPoints.map((name) => `src/cli/workers/${name}`),
    outdir: 'dist/workers',
    format: 'esm',
    write: false,
    banner: {
      js: `import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);`,
    },
  });
  return result.outputFiles.map(({ path: file, text }) => ({ file, text }));
}

/** oclif reads this in place of loading every command. */
async function writeManifest() {
  const { Plugin } = require('@oclif/core');
  loadBundleForOclif();
  const packageJson = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  const plugin = new Plugin({
    root: DIST,
    pjson: packageJson,
    isRoot: true,
    ignoreManifest: true,
    errorOnManifestCreate: true,
  });
  await plugin.load();
  fs.writeFileSync(path.join(DIST, 'oclif.manifest.json'), JSON.stringify(plugin.manifest));
}

/** The bundle is no module by itself (bin/streamctl.js runs it): oclif is to find it as one. */
function loadBundleForOclif() {
  const file = path.join(DIST, 'cli.cjs');
  const bundle = new Module(file, module);
  require.cache[file] = bundle;
  vm.runInThisContext(fs.readFileSync(file, 'utf8'))(bundle.exports, Module.createRequire(file), bundle, file, DIST);
}

async function main() {
  const files = (await Promise.all([buildCommandLine(), buildWorkers()])).flat();
  // The old build stays until the new one is whole.
  fs.rmSync(DIST, { recursive: true, force: true });
  for (const { file, text } of files) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  await writeManifest();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

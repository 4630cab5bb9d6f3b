/**
 * An esbuild plugin that takes out of oclif what costs each start and what touches the standard streams, which are ours
 * (DESIGN 5.4: opening process.stdout makes a pipe non-blocking for everybody who shares it).
 */
'use strict';
const fs = require('node:fs');

/** In files of @oclif/core/lib. The build fails where one no longer matches. */
const CHANGES = [
  // Building ICU's collator costs 5 ms; command ids are ASCII.
  { file: 'config/plugin.js', from: 'a.id.localeCompare(b.id)', to: '(a.id < b.id ? -1 : 1)' },
  { file: 'command.js', from: /process\.stdout\.on\('error', [\s\S]*?\n}\);\n/, to: '' },
  { file: 'screen.js', from: 'termwidth(process.stdout)', to: '80' },
  { file: 'screen.js', from: 'termwidth(process.stderr)', to: '80' },
  { file: 'ux/index.js', from: 'Boolean(process.stderr.isTTY)', to: 'false' },
  // Used on Windows only.
  { file: 'util/os.js', from: 'const node_child_process_1 = require("node:child_process");', to: '' },
  { file: 'util/os.js', from: 'node_child_process_1.', to: 'require("node:child_process").' },
];

/** Modules that oclif loads at once and that we never reach: finding commands in folders, colours, spinners. */
const STAND_INS = {
  ansis:
    "const plain = new Proxy((text) => text, { get: (_, name) => (name === '__esModule' ? undefined : plain) }); module.exports = plain;",
  'supports-color': 'module.exports = { stdout: false, stderr: false };',
  debug: 'module.exports = () => () => undefined;',
  lilconfig: 'module.exports = {};',
  minimatch: 'module.exports = { minimatch: (name, pattern) => name === pattern };',
  tinyglobby: 'module.exports = { glob: async () => [] };',
  'wsl-utils': 'module.exports = { isWsl: false };',
  './action/simple': 'module.exports = class { stop() {} };',
  './action/spinner': 'module.exports = class { stop() {} };',
};

/** Modules that only help and oclif's own error texts use: loaded when they are called. */
const LATE = {
  'clean-stack': 'module.exports = (...args) => load()(...args);',
  ejs: 'module.exports = { render: (...args) => load().render(...args) };',
  'string-width': 'module.exports = (...args) => load()(...args);',
  'widest-line': 'module.exports = (...args) => load()(...args);',
  'wrap-ansi': 'module.exports = (...args) => load()(...args);',
};

const FROM_OCLIF = /@oclif[\\/]core[\\/]lib[\\/]/;

exports.oclifPlugin = {
  name: 'oclif',
  setup(build) {
    const names = [...Object.keys(STAND_INS), ...Object.keys(LATE)].map((name) => name.replaceAll('.', '\\.'));
    build.onResolve({ filter: new RegExp(`^(${names.join('|')})$`) }, ({ path: name, importer, resolveDir }) => {
      if (!FROM_OCLIF.test(importer)) return undefined;
      return { path: name, namespace: 'stand-in', pluginData: { resolveDir } };
    });
    build.onLoad({ filter: /./, namespace: 'stand-in' }, ({ path: name, pluginData }) => {
      if (STAND_INS[name] !== undefined) return { contents: STAND_INS[name] };
      const load = `const load = () => require(${JSON.stringify(name)});`;
      return { contents: `${load} ${LATE[name]}`, resolveDir: pluginData.resolveDir };
    });
    build.onLoad({ filter: /@oclif\/core\/lib\/.*\.js$/ }, ({ path: file }) => {
      return { contents: changed(file.split('@oclif/core/lib/')[1], fs.readFileSync(file, 'utf8')), loader: 'js' };
    });
  },
};

function changed(name, contents) {
  return CHANGES.filter((change) => change.file === name).reduce((text, { from, to }) => {
    const next = text.replace(from, to);
    if (next === text) throw new Error(`${name} of oclif is not as expected; look at CHANGES in bin/oclif-plugin.js`);
    return next;
  }, contents);
}

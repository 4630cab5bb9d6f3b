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

/**
 * Modules of which a command that is not help uses nothing, or next to nothing: loaded when that is touched. `call` stands
 * for a module that is a function.
 */
const LATE = [
  { name: 'clean-stack', names: ['call'] },
  { name: 'ejs', names: ['render'] },
  { name: 'string-width', names: ['call'] },
  { name: 'widest-line', names: ['call'] },
  { name: 'wrap-ansi', names: ['call'] },
  { name: 'node:fs/promises', from: 'util/fs.js', names: ['readFile', 'stat'] },
  { name: 'node:readline', from: 'parser/parse.js', names: ['createInterface'] },
  { name: './config', from: 'command.js', names: ['Config'] },
  {
    name: './help/util',
    from: 'command.js',
    names: ['normalizeArgv', 'formatCommandDeprecationWarning', 'formatFlagDeprecationWarning'],
  },
  { name: './ux', from: 'command.js', names: ['ux'] },
  { name: './help', from: 'flags.js', names: ['loadHelpClass'] },
  { name: './help', from: 'parser/index.js', names: ['flagUsages'] },
  { name: './handle', from: 'errors/index.js', names: ['handle'] },
];

const LIBRARY = /@oclif[\\/]core[\\/]lib[\\/](.*)$/;

exports.oclifPlugin = {
  name: 'oclif',
  setup(build) {
    const names = [...new Set([...Object.keys(STAND_INS), ...LATE.map(({ name }) => name)])];
    const filter = new RegExp(`^(${names.map((name) => name.replaceAll('.', '\\.')).join('|')})$`);
    build.onResolve({ filter }, ({ path: name, importer, resolveDir }) => {
      const from = LIBRARY.exec(importer)?.[1];
      if (from === undefined) return undefined;
      if (STAND_INS[name] !== undefined) return { path: name, namespace: 'stand-in' };
      const late = LATE.find((each) => each.name === name && (each.from === undefined || each.from === from));
      return late && { path: `${name} for ${late.from}`, namespace: 'late', pluginData: { late, resolveDir } };
    });
    build.onLoad({ filter: /./, namespace: 'stand-in' }, ({ path: name }) => ({ contents: STAND_INS[name] }));
    build.onLoad({ filter: /./, namespace: 'late' }, ({ pluginData: { late, resolveDir } }) => ({
      contents: lateModule(late),
      resolveDir,
    }));
    build.onLoad({ filter: /@oclif\/core\/lib\/.*\.js$/ }, ({ path: file }) => {
      return { contents: changed(LIBRARY.exec(file)[1], fs.readFileSync(file, 'utf8')), loader: 'js' };
    });
  },
};

function lateModule({ name, names }) {
  const load = `const load = () => require(${JSON.stringify(name)});`;
  if (names[0] === 'call') return `${load} module.exports = (...args) => load()(...args);`;
  const getters = names.map((each) => `get ${each}() { return load().${each}; }`);
  // Marked as a compiled ES module, so that oclif's import helpers take it as it is instead of copying its properties.
  return `${load} module.exports = { __esModule: true, ${getters.join(', ')}, get default() { return load(); } };`;
}

function changed(name, contents) {
  return CHANGES.filter((change) => change.file === name).reduce((text, { from, to }) => {
    const next = text.replace(from, to);
    if (next === text) throw new Error(`${name} of oclif is not as expected; look at CHANGES in bin/oclif-plugin.js`);
    return next;
  }, contents);
}

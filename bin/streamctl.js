#!/usr/bin/env node
/**
 * The program's first file (behind bin/streamctl, which is on the PATH): nothing here but what makes the start fast
 * (bin/package.json makes it CommonJS, which Node starts quicker than a module).
 *
 * `dist/cli.cjs` is the whole command line in one file. Compiling it anew costs most of a start, so V8's code cache is
 * kept: one file a command, written after a first run that went well, for this build, Node version and machine only.
 */
'use strict';
const fs = require('node:fs');
const path = require('node:path');

// Read by libuv at the first use of its thread pool. Pipes that are not read hold a thread each, and others live on us.
const THREADS_MIN = 16;
if (!(Number(process.env.UV_THREADPOOL_SIZE) >= THREADS_MIN)) process.env.UV_THREADPOOL_SIZE = String(THREADS_MIN);

const PACKAGE_ROOT = path.join(__dirname, '..');
const DIST = path.join(PACKAGE_ROOT, 'dist');
const BUNDLE = path.join(DIST, 'cli.cjs');
/** The bundle begins with a comment: slash, star, these many hex digits of its hash. */
const BUILD_ID_LENGTH = 16;
const STALE_CACHE_MS = 7 * 24 * 3_600_000;
/** V8 forgets the code of functions that a long run no longer uses; what is left then is not worth keeping. */
const CACHEABLE_RUN_SECONDS = 60;

const packageJson = JSON.parse(fs.readFileSync(path.join(PACKAGE_ROOT, 'package.json'), 'utf8'));
if (process.argv[2] === '--version' && process.argv.length === 3) {
  printVersion();
} else {
  start();
}

function printVersion() {
  try {
    fs.writeSync(1, `streamctl ${packageJson.version}\n`);
  } catch (error) {
    // Whoever does not read it any more needs no word about it.
    if (error.code !== 'EPIPE') fs.writeSync(2, `streamctl: the version cannot be written (${error.code})\n`);
    process.exit(error.code === 'EPIPE' ? 141 : 1);
  }
}

function start() {
  const { exports: cli, keepCode } = loadBundle();
  cli.main(process.argv.slice(2), { root: DIST, packageJson }).then((exitCode) => {
    keepCode(exitCode);
    process.exit(exitCode);
  });
}

/** Runs the bundle as Node would run a module, but from cached code. */
function loadBundle() {
  const vm = require('node:vm');
  const source = readBundle();
  const buildId = source.slice(2, 2 + BUILD_ID_LENGTH);
  const cache = findCache(buildId);
  const script = new vm.Script(source, { filename: BUNDLE, cachedData: cache.data });
  const bundle = { exports: {} };
  script.runInThisContext()(bundle.exports, require, bundle, BUNDLE, DIST);
  return {
    exports: bundle.exports,
    keepCode(exitCode) {
      const endedWell = exitCode === 0 || exitCode > 128;
      if (cache.data !== undefined && !script.cachedDataRejected) return;
      if (endedWell && process.uptime() < CACHEABLE_RUN_SECONDS) writeCache(cache, script);
    },
  };
}

function readBundle() {
  try {
    // The bundle is ASCII, which V8 keeps in one byte a character.
    return fs.readFileSync(BUNDLE, 'latin1');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    fs.writeSync(2, `streamctl: ${BUNDLE} is not there; run 'npm ci && npm run build' in ${PACKAGE_ROOT}\n`);
    process.exit(1);
  }
}

/**
 * Beside the bundle where that folder is ours to write, else in the user's cache folder. Different commands use
 * different functions, so each has its own file, named by its first word.
 */
function findCache(buildId) {
  const words = process.argv.slice(2);
  const isCommand = /^[a-z]{1,20}$/.test(words[0]) && !words.includes('--help') && !words.includes('-h');
  const command = isCommand ? words[0] : 'help';
  const file = `${command}.${buildId}.${process.version}.${process.arch}.cache`;
  // Whoever may write beside the bundle is trusted with it by all who run it, so all may read what stands there.
  const folders = [{ folder: path.join(DIST, 'cache'), mode: 0o755 }];
  const home = process.env.XDG_CACHE_HOME || (process.env.HOME && path.join(process.env.HOME, '.cache'));
  if (home && path.isAbsolute(home)) folders.push({ folder: path.join(home, 'streamctl'), mode: 0o700 });
  for (const { folder } of folders) {
    try {
      return { folders, file, data: fs.readFileSync(path.join(folder, file)) };
    } catch {
      // Not there, or not ours to read: look in the next one.
    }
  }
  return { folders, file, data: undefined };
}

/** Best effort: a cache that cannot be written costs time, nothing else. */
function writeCache({ folders, file }, script) {
  const code = script.createCachedData();
  for (const { folder, mode } of folders) {
    const temporary = path.join(folder, `${file}.${process.pid}.tmp`);
    try {
      fs.mkdirSync(folder, { recursive: true, mode });
      fs.writeFileSync(temporary, code, { mode: mode & 0o666, flag: 'wx' });
      fs.renameSync(temporary, path.join(folder, file));
      removeStale(folder, file);
      return;
    } catch {
      removeIfPossible(temporary);
    }
  }
}

function removeIfPossible(file) {
  try {
    fs.rmSync(file, { force: true });
  } catch {
    // In a folder of another user: then it was not made either.
  }
}

/** Caches of other builds and versions that nobody has written for long. */
function removeStale(folder, file) {
  for (const name of fs.readdirSync(folder)) {
    const stale = path.join(folder, name);
    if (name !== file && Date.now() - fs.statSync(stale).mtimeMs > STALE_CACHE_MS) removeIfPossible(stale);
  }
}

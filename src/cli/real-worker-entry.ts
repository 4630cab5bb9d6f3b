/**
 * Where the code of a worker thread is: beside this file in the sources (`workers/<name>.ts`, run through tsx as everything is
 * then), or in the build (`dist/workers/<name>.js`, whether this module went into `dist/` or into a folder below it).
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Starts the worker; it does not keep the process alive. Throws when its code is not there. */
export function startWorker(name: string, options: WorkerOptions): Worker {
  const entry = import.meta.url.endsWith('.ts') ? sourceEntry(name) : builtEntry(name);
  const worker = new Worker(entry.url, { ...options, execArgv: entry.execArgv });
  worker.unref();
  return worker;
}

interface WorkerEntry {
  readonly url: URL;
  readonly execArgv: string[];
}

function sourceEntry(name: string): WorkerEntry {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  return { url: new URL(`./workers/${name}.ts`, import.meta.url), execArgv: ['--import', loader.href] };
}

function builtEntry(name: string): WorkerEntry {
  for (const folder of ['./workers', '../workers']) {
    const url = new URL(`${folder}/${name}.js`, import.meta.url);
    if (existsSync(fileURLToPath(url))) return { url, execArgv: [] };
  }
  throw Object.assign(new Error(`the build has no worker ${name}`), { code: 'ENOENT' });
}

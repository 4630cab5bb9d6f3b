/**
 * Where the code of a worker thread is: beside this file in the sources (`workers/<name>.ts`), or in the build
 * (`dist/workers/<name>.js`, whether this module went into `dist/` or into a folder below it).
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Node would connect a worker with `process.stdout` and `process.stderr`, and set O_NONBLOCK on pipes that others share for it.
 * Ours say what they have to say by messages.
 */
const OWN_STREAMS: WorkerOptions = { stdout: true, stderr: true };

/** Starts the worker; it does not keep the process alive. Throws ENOENT when its code is not there. */
export function startWorker(name: string, options: WorkerOptions): Worker {
  const worker = import.meta.url.endsWith('.ts')
    ? new Worker(sourceStarter(name), { ...options, ...OWN_STREAMS, eval: true })
    : new Worker(builtEntry(name), { ...options, ...OWN_STREAMS });
  worker.unref();
  return worker;
}

/** A worker does not inherit the loader that the sources run through, so it begins by setting it up for itself. */
function sourceStarter(name: string): string {
  const loader = createRequire(import.meta.url).resolve('tsx/cjs/api');
  const entry = fileURLToPath(new URL(`./workers/${name}.ts`, import.meta.url));
  return `require(${JSON.stringify(loader)}).register(); require(${JSON.stringify(entry)});`;
}

function builtEntry(name: string): URL {
  for (const folder of ['./workers', '../workers']) {
    const url = new URL(`${folder}/${name}.js`, import.meta.url);
    if (existsSync(fileURLToPath(url))) return url;
  }
  throw Object.assign(new Error(`the build has no worker ${name}`), { code: 'ENOENT' });
}

/** `Offload` without threads: the work is done at once, and its result arrives later, as from a worker. */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Offload } from '../../src/kernel/env.ts';
import type { Prng } from './prng.ts';
import type { SimProcess } from './sim-process.ts';
import { systemError } from './system-error.ts';

export function simOffload(process: SimProcess, chance: Prng): Offload {
  return {
    run: (task) =>
      process.perform('disk', chance.latencyMs(0.3, 50), () => {
        if (task.codec !== 'gzip') throw systemError('ENOTSUP', 'decompress', task.codec);
        return gunzipSync(task.bytes, { maxOutputLength: task.maxOutputBytes });
      }),
    compress: (codec, bytes) =>
      process.perform('disk', chance.latencyMs(0.3, 50), () => {
        if (codec !== 'gzip') throw systemError('ENOTSUP', 'compress', codec);
        return gzipSync(bytes);
      }),
  };
}

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { HeartbeatWorkerData } from '../../src/cli/real-heartbeat-messages.ts';
import { startWorker } from '../../src/cli/real-worker-entry.ts';

const TASK = { id: 7, codec: 'snappy', bytes: new Uint8Array([1, 0, 0x61]), maxOutputBytes: 10 };
const heartbeat: HeartbeatWorkerData = { ticks: new SharedArrayBuffer(4) };

/** The first thing that the worker says. */
async function firstMessage(worker: Worker): Promise<unknown> {
  worker.ref();
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}

describe('startWorker', () => {
  it('starts the decompressing worker from the sources', async () => {
    const worker = startWorker('decompress', {});
    worker.postMessage(TASK);
    const { id, output } = (await firstMessage(worker)) as { id: number; output: Uint8Array };
    assert.equal(id, 7);
    assert.deepEqual([...output], [0x61]);
  });

  it('starts the worker of the locks from the sources', async () => {
    const worker = startWorker('lock-heartbeat', { workerData: heartbeat });
    assert.deepEqual(await firstMessage(worker), { kind: 'ready' });
  });

  for (const name of ['decompress', 'lock-heartbeat']) {
    it(`finds the built ${name} runnable`, async function () {
      const file = new URL(`../../dist/workers/${name}.js`, import.meta.url);
      if (!existsSync(fileURLToPath(file))) this.skip();
      const worker = new Worker(file, { workerData: heartbeat });
      worker.postMessage(TASK);
      assert.ok((await firstMessage(worker)) !== undefined);
    });
  }
});

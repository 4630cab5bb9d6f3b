/** What the outside suites share: a served folder, and the verdict of Kafka's own tool over it once it was closed. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Serving, startServe, withFolder } from '../helpers/streamctl.ts';
import { faultsFoundByKafka } from './dump-log.ts';
import { PeerMissing } from './peers.ts';

/** Runs `use` against a broker over a new directory; then stops it, expects exit 0 and files in which Kafka finds nothing wrong. */
export function withServed(use: (serving: Serving, directory: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const directory = join(folder, 'data');
    const serving = await startServe(directory);
    try {
      await use(serving, directory);
    } catch (error) {
      await serving.kill();
      throw error;
    }
    assert.equal(await serving.stop(), 0, 'serve exits 0 on SIGTERM');
    assert.deepEqual(await faultsFoundByKafka(join(directory, 'brokers', '1', 'log')), []);
  });
}

/**
 * Runs a suite's preparation; a missing peer is told loudly and skips the suite, or fails it where
 * STREAMCTL_PEERS=required says that all of them must run (as .ci/run does).
 */
export function need(context: Mocha.Context, prepare: () => void): void {
  try {
    prepare();
  } catch (error) {
    if (!(error instanceof PeerMissing) || process.env['STREAMCTL_PEERS'] === 'required') throw error;
    process.stderr.write(`\nNOT RUN: ${error.message}\n`);
    context.skip();
  }
}

/** `seq 1 count`, as bytes. */
export function sequence(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, at) => `${at + 1}\n`).join(''));
}

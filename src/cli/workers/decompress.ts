/** The worker thread for codecs that compute on the thread that calls them. */
import { parentPort } from 'node:worker_threads';
import { KafkaError } from '../../protocol/errors.ts';
import { decompressSync } from '../../protocol/records/compression.ts';
import type { FromOffloadWorker, ToOffloadWorker } from '../real-offload-messages.ts';

parentPort?.on('message', ({ id, codec, bytes, maxOutputBytes }: ToOffloadWorker) => {
  try {
    const output = decompressSync(codec, bytes, maxOutputBytes);
    const { buffer } = output;
    // Memory of its own is moved; a part of a larger block, or of the input, has to be copied.
    const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === output.byteLength && buffer !== bytes.buffer;
    say({ id, output }, isOwn ? [buffer] : []);
  } catch (error) {
    const errorName = error instanceof KafkaError ? error.errorName : undefined;
    say({ id, errorName, message: error instanceof Error ? error.message : String(error) }, []);
  }
});

function say(message: FromOffloadWorker, moved: ArrayBuffer[]): void {
  parentPort?.postMessage(message, moved);
}

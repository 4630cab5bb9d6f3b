/** A process with few descriptors: its listener meets EMFILE (libuv then takes the connection and closes it) and must be there afterwards. */
import { closeSync, openSync } from 'node:fs';
import { realClock } from '../../src/cli/real-clock.ts';
import { nodeNet } from '../../src/net/node-net.ts';

const clock = realClock();
const net = nodeNet({
  clock,
  socketPaths: { shorten: (path) => ({ path, close: () => undefined }), protect: () => undefined },
  onAcceptError: (error) => process.stdout.write(`told: ${error.message}\n`),
});
async function main(): Promise<void> {
  const listener = await net.listen({ host: '127.0.0.1', port: 0 }, (socket) => {
    socket.write([Buffer.from('answer')]);
    socket.end();
  });
  const client = await net.connect(listener.address, 1000);
  client.destroy();

  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    // None is left; one is given back for the client's side.
  }
  closeSync(taken.pop() as number);
  const lost = await net.connect(listener.address, 1000);
  const scratch = Buffer.alloc(10);
  await new Promise<void>((resolve) => {
    lost.start({ target: () => scratch, received: () => process.stdout.write('answered\n'), ended: () => resolve() });
  });
  process.stdout.write('closed\n');
  for (const descriptor of taken) closeSync(descriptor);

  const again = await net.connect(listener.address, 1000);
  const target = Buffer.alloc(10);
  again.start({
    target: () => target,
    received: () => process.stdout.write('answered afterwards\n'),
    ended: () => process.exit(0),
  });
}

void main();

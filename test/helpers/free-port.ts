/** A port for a server that must come back at the same address, so that it cannot ask for port 0 itself. */
import { createServer } from 'node:net';

/** A loopback port on which nobody listened a moment ago; somebody else may take it before the caller does. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

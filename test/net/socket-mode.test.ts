import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../src/cli/real-clock.ts';
import { nodeNet } from '../../src/net/node-net.ts';

const clock = realClock();

describe('node net: a socket whose mode cannot be set', () => {
  it('listens no more when that is told', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streamctl-net-'));
    const path = join(folder, 's');
    const socketPaths = {
      shorten: () => ({ path, close: () => undefined }),
      protect: () => {
        throw new Error('not ours');
      },
    };
    try {
      const net = nodeNet({ clock, socketPaths, onAcceptError: () => undefined });
      await assert.rejects(
        net.listen({ path }, () => undefined),
        /not ours/,
      );
      await assert.rejects(net.connect({ path }, 1000));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

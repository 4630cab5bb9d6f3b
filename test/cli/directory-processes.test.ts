import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BundledChild, bundledChild } from './bundled-child.ts';

interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

describe('cli: processes on a real directory', () => {
  let program: BundledChild;
  let folder: string;

  before(() => {
    program = bundledChild({ file: 'test/cli/directory-claimer.ts' });
  });
  after(() => program.remove());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streamctl-claims-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function start(turns: number, hold = ''): ChildProcess {
    const args = [program.path, join(folder, 'data'), join(folder, 'guard'), String(turns), hold];
    return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async function ended(child: ChildProcess): Promise<Ended> {
    let output = '';
    let errors = '';
    child.stdout?.on('data', (text) => {
      output += String(text);
    });
    child.stderr?.on('data', (text) => {
      errors += String(text);
    });
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, output, errors };
  }

  it('that all come and go at once find one broker at a time, and all succeed', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => ended(start(8))));
    for (const { status, errors } of all) assert.equal(status, 0, errors);
    const roles = all.flatMap(({ output }) => output.trimEnd().split('\n'));
    assert.equal(roles.length, 40);
    assert.ok(roles.includes('broker'));
  });

  it('replace a killed broker without waiting for its lock to be stale', async () => {
    const first = start(1, 'hold');
    assert.ok(first.stdout);
    await once(first.stdout, 'data');
    first.kill('SIGKILL');
    await once(first, 'close');
    unlinkSync(join(folder, 'guard'));
    const startMs = performance.now();
    const { status, output, errors } = await ended(start(1));
    assert.equal(status, 0, errors);
    assert.equal(output, 'broker\n');
    // A start of Node on a busy machine, the watch for a dead owner's lock, and no wait for staleness.
    assert.ok(performance.now() - startMs < 4000, `${performance.now() - startMs} ms`);
  });

  it('wait for a stopped broker until it is continued', async () => {
    const first = start(1, 'hold');
    assert.ok(first.stdout);
    await once(first.stdout, 'data');
    first.kill('SIGSTOP');
    const second = ended(start(1));
    await new Promise((resolve) => setTimeout(resolve, 2500));
    first.kill('SIGCONT');
    const { status, output, errors } = await second;
    assert.equal(status, 0, errors);
    assert.equal(output, 'client\n');
    first.kill('SIGKILL');
    await once(first, 'close');
  });
});

import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realEnv } from '../../src/cli/real-env.ts';
import { bundledChild } from './bundled-child.ts';

function run(text: string, extra: Record<string, string> = {}): SpawnSyncReturns<string> {
  const child = bundledChild({ text });
  const ended = spawnSync(process.execPath, [child.path], { encoding: 'utf8', env: { ...process.env, ...extra } });
  child.remove();
  return ended;
}

describe('realEnv', () => {
  const env = realEnv({ quiet: true });

  it('has a clock that does not go back, and timers that are not early', async () => {
    const beganMs = env.clock.monotonicMs();
    await env.clock.sleep(20);
    assert.ok(env.clock.monotonicMs() - beganMs >= 19);
    assert.ok(Number.isInteger(env.clock.wallMs()));
    const cancelled = env.clock.timer(5, () => assert.fail('cancelled'));
    cancelled.cancel();
    await new Promise<void>((resolve) => env.clock.timer(10, resolve));
    const order: string[] = [];
    env.clock.timer(0, () => order.push('timer'));
    env.clock.soon(() => order.push('soon'));
    order.push('now');
    await env.clock.sleep(10);
    assert.deepEqual(order, ['now', 'soon', 'timer']);
  });

  it('does not take a delay beyond what a timer can hold for no delay', async () => {
    const timer = env.clock.timer(2 ** 40, () => assert.fail('at once'));
    await env.clock.sleep(20);
    timer.cancel();
  });

  it('has chance of the right shape', () => {
    assert.equal(env.random.bytes(7).length, 7);
    assert.match(env.random.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const fraction = env.random.fraction();
    assert.ok(fraction >= 0 && fraction < 1);
  });

  it('reaches files, sockets and locks', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streamctl-env-'));
    await env.disk.makeDirectory(join(folder, 'a'));
    const listener = await env.net.listen({ path: join(folder, 's') }, (socket) => socket.destroy());
    const socket = await env.net.connect({ path: join(folder, 's') }, 1000);
    socket.destroy();
    await listener.close();
    const lock = await env.lock.acquire(join(folder, 'l.lock'), { staleMs: 6000, onCompromised: assert.fail });
    await lock?.release();
    assert.deepEqual(readdirSync(folder), ['a']);
    rmSync(folder, { recursive: true });
  });

  it('loads nothing that is not used', () => {
    const text = `import { realEnv, realStdio } from './src/cli/real-env.ts';
      const env = realEnv();
      realStdio().note('note');
      env.proc.facts();
      env.random.uuid();
      env.fault('here');
      env.disk.list('.').then(() => {
        const unwanted = ['net', 'worker_threads', 'zlib', 'child_process', 'tls'];
        console.log(unwanted.filter((name) => process.moduleLoadList.includes('NativeModule ' + name)).join());
      });`;
    const { stdout, stderr } = run(text);
    assert.equal(stderr, 'note\n');
    assert.equal(stdout, '\n');
  });

  for (const [setting, check] of [
    ['here:crash', (signal: string | null) => assert.equal(signal, 'SIGKILL')],
    ['other:crash,here:pause=300', (_signal: string | null, text: string) => assert.ok(Number(text) >= 290)],
    ['', (_signal: string | null, text: string) => assert.ok(Number(text) < 290)],
  ] as const) {
    it(`has fault points that a test may set: ${setting === '' ? 'none' : setting}`, () => {
      const text = `import { realEnv } from './src/cli/real-env.ts';
        const env = realEnv();
        const beganMs = performance.now();
        env.fault('here');
        process.stdout.write(String(performance.now() - beganMs));`;
      const { signal, stdout } = run(text, { STREAMCTL_FAULT: setting });
      check(signal, stdout);
    });
  }
});

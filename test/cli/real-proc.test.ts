import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { judge, realProc } from '../../src/cli/real-proc.ts';
import type { ProcessFacts } from '../../src/kernel/env.ts';
import { bundledChild } from './bundled-child.ts';

const proc = realProc();

/** The facts of another process on this machine, as that process itself would give them. */
function factsOf(pid: number): ProcessFacts {
  const program = bundledChild({
    text: `import { realProc } from './src/cli/real-proc.ts';
      Object.defineProperty(process, 'pid', { value: ${pid} });
      console.log(JSON.stringify(realProc().facts()));`,
  });
  const { stdout } = spawnSync(process.execPath, [program.path], { encoding: 'utf8' });
  program.remove();
  return JSON.parse(stdout) as ProcessFacts;
}

async function until(condition: () => boolean): Promise<void> {
  for (let count = 0; !condition(); count += 1) {
    assert.ok(count < 500, 'in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('realProc', () => {
  let child: ChildProcess;
  let facts: ProcessFacts;

  before(() => {
    child = spawn('sleep', ['60']);
    facts = factsOf(child.pid as number);
  });
  after(() => child.kill('SIGKILL'));

  it('knows this process', () => {
    const own = proc.facts();
    assert.equal(own.pid, process.pid);
    assert.notEqual(own.hostId, '');
    assert.ok(own.startTime !== undefined && own.bootId !== undefined && own.pidNamespace !== undefined);
    assert.deepEqual(realProc().facts(), own);
    assert.equal(proc.judge(own), 'alive');
    assert.equal(proc.describeState(own), 'running');
  });

  it('tells a process that runs from one that is stopped and one that has ended', async () => {
    assert.equal(proc.judge(facts), 'alive');
    assert.equal(proc.describeState(facts), 'sleeping');
    child.kill('SIGSTOP');
    await until(() => proc.describeState(facts) === 'stopped');
    assert.equal(proc.judge(facts), 'alive');
    child.kill('SIGKILL');
    await until(() => proc.judge(facts) === 'dead');
    assert.equal(proc.describeState(facts), 'dead');
  });

  it('is not deceived by a process number that was given away again', () => {
    const own = proc.facts();
    assert.equal(proc.judge({ ...own, startTime: `${own.startTime}1` }), 'dead');
  });

  for (const [what, change] of [
    ['boot', { bootId: 'other' }],
    ['pid namespace', { pidNamespace: 'other' }],
    ['boot that is not known', { bootId: undefined }],
    ['start time that is not known', { startTime: undefined }],
  ] as const) {
    it(`does not judge a process of another ${what}`, () => {
      const other = { ...proc.facts(), ...change };
      assert.equal(proc.judge(other), 'unknown');
      assert.equal(proc.describeState(other), undefined);
    });
  }

  it('takes a zombie for dead', () => {
    const own = proc.facts();
    const startTime = own.startTime as string;
    assert.equal(
      judge(own, own, () => ({ state: 'Z', startTime })),
      'dead',
    );
    assert.equal(
      judge(own, own, () => 'unknown'),
      'unknown',
    );
  });

  it('hears signals until it is told not to', async () => {
    let heardCount = 0;
    const subscription = proc.onSignal('SIGCONT', () => {
      heardCount += 1;
    });
    process.kill(process.pid, 'SIGCONT');
    await until(() => heardCount === 1);
    subscription.remove();
    process.kill(process.pid, 'SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(heardCount, 1);
  });

  it('stops itself until it is continued', async () => {
    const program = bundledChild({
      text: `import { realProc } from './src/cli/real-proc.ts';
        console.log('stopping');
        realProc().stopSelf();
        console.log('continued');`,
    });
    const stopped = spawn(process.execPath, [program.path]);
    let text = '';
    stopped.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    await until(() => text === 'stopping\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(text, 'stopping\n');
    stopped.kill('SIGCONT');
    await new Promise((resolve) => stopped.once('close', resolve));
    program.remove();
    assert.equal(text, 'stopping\ncontinued\n');
  });
});

import assert from 'node:assert/strict';
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BundledChild, bundledChild } from './bundled-child.ts';

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

function ended(process: ChildProcess): Promise<Ended> {
  let stderr = '';
  process.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  return new Promise((resolve) => process.once('close', (status) => resolve({ status, stderr })));
}

const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

describe('realStdio', () => {
  let child: BundledChild;
  let quoted = '';
  let folder = '';
  let input = '';
  const content = Buffer.alloc(5_000_003);

  before(() => {
    child = bundledChild({ file: 'test/cli/stdio-child.ts' });
    quoted = `'${process.execPath}' '${child.path}'`;
    folder = mkdtempSync(join(tmpdir(), 'streamctl-stdio-'));
    input = join(folder, 'input');
    for (let index = 0; index < content.length; index += 1) content[index] = (index * 7 + (index >> 9)) & 0xff;
    writeFileSync(input, content);
  });
  after(() => {
    rmSync(folder, { recursive: true });
    child.remove();
  });

  function start(mode: readonly string[], stdio: StdioOptions): ChildProcess {
    return spawn(process.execPath, [child.path, ...mode], { stdio });
  }

  const shellCases = [
    ['a file to a file', '< IN CHILD copy > OUT'],
    ['a pipe to a pipe', 'cat IN | CHILD copy | cat > OUT'],
    ['slow pipes', '(head -c 100 IN; sleep 0.1; tail -c +101 IN) | CHILD copy | (sleep 0.2; cat > OUT)'],
  ] as const;
  for (const [what, script] of shellCases) {
    it(`copies ${what}`, () => {
      const output = join(folder, 'output');
      const command = script.replace('CHILD', quoted).replace('OUT', `'${output}'`).replaceAll('IN', `'${input}'`);
      const run = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
      assert.equal(run.stderr, '');
      assert.ok(readFileSync(output).equals(content));
    });
  }

  it('copies sockets, as Node gives them to a child', async () => {
    const copying = start(['copy'], ['pipe', 'pipe', 'pipe']);
    const hash = createHash('sha256');
    copying.stdout?.on('data', (chunk: Buffer) => hash.update(chunk));
    copying.stdin?.end(content);
    assert.deepEqual(await ended(copying), { status: 0, stderr: '' });
    assert.equal(hash.digest('hex'), createHash('sha256').update(content).digest('hex'));
  });

  it('reads the end at once from /dev/null', async () => {
    const copying = start(['copy'], ['ignore', 'ignore', 'pipe']);
    assert.deepEqual(await ended(copying), { status: 0, stderr: '' });
  });

  it('tells that nobody reads any more, and that the device is full', async () => {
    const copying = start(['copy'], ['pipe', 'pipe', 'pipe']);
    copying.stdin?.on('error', () => undefined);
    copying.stdout?.destroy();
    copying.stdin?.end(content);
    assert.deepEqual(await ended(copying), { status: 1, stderr: 'EPIPE\n' });

    const full = openSync('/dev/full', 'w');
    const writer = start(['copy'], ['pipe', full, 'pipe']);
    closeSync(full);
    writer.stdin?.end('text');
    assert.deepEqual(await ended(writer), { status: 1, stderr: 'ENOSPC\n' });
  });

  /** A pipe with both ends open, in which nobody reads or writes but the child. */
  async function onPipe(mode: string[], stdio: (pipe: number) => StdioOptions): Promise<Ended & { tookMs: number }> {
    const path = join(folder, 'pipe');
    spawnSync('mkfifo', [path]);
    const pipe = openSync(path, 'r+');
    const beganMs = performance.now();
    const end = await ended(start(mode, stdio(pipe)));
    closeSync(pipe);
    return { ...end, tookMs: performance.now() - beganMs };
  }

  it('exits at once while it waits for input', async () => {
    const end = await onPipe(['exit-reading'], (pipe) => [pipe, 'ignore', 'pipe']);
    assert.equal(end.status, 5);
    assert.ok(end.tookMs < 5000);
  });

  it('exits at once while nobody reads its output, and its event loop turned meanwhile', async () => {
    const end = await onPipe(['exit-writing', '200'], (pipe) => ['ignore', pipe, 'pipe']);
    assert.equal(end.status, 6);
    const [writtenCount, turnCount] = end.stderr.split(' ').map(Number);
    assert.equal(writtenCount, 0);
    assert.ok((turnCount ?? 0) > 10);
    assert.ok(end.tookMs < 5000);
  });

  const streams = [
    ['input', 'exit-reading', (pipe: number): StdioOptions => [pipe, 'ignore', 'ignore']],
    ['output', 'exit-writing', (pipe: number): StdioOptions => ['ignore', pipe, 'ignore']],
    ['error', 'note', (pipe: number): StdioOptions => ['ignore', 'ignore', pipe]],
  ] as const;
  for (const [what, mode, stdio] of streams) {
    it(`leaves a pipe that others share as it is: ${what}`, async function () {
      if (process.platform !== 'linux') this.skip();
      const path = join(folder, `shared-${what}`);
      spawnSync('mkfifo', [path]);
      // One description, in this process and in the child.
      const pipe = openSync(path, 'r+');
      const flags = (): string => readFileSync(`/proc/self/fdinfo/${pipe}`, 'utf8');
      const before = flags();
      const running = start([mode, '300'], stdio(pipe));
      const end = ended(running);
      const seen = new Set<string>();
      const look = setInterval(() => seen.add(flags()), 10);
      await end;
      clearInterval(look);
      closeSync(pipe);
      assert.deepEqual([...seen], [before]);
    });
  }

  it('writes nothing on standard error that a terminal would obey', async () => {
    const end = await ended(
      start(
        ['note', '0', 'red \u001b[31m, a bell \u0007, 8 bits \u009b1m, backwards \u202e'],
        ['ignore', 'ignore', 'pipe'],
      ),
    );
    assert.equal(end.stderr, 'red \\x1b[31m, a bell \\x07, 8 bits \\x9b1m, backwards \\u202e\n');
  });

  it('copies a terminal to a terminal', async function () {
    if (!hasScript) this.skip();
    const command = `stty -echo; ${quoted} copy; echo "status $?"`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let seen = '';
    terminal.stdout.on('data', (chunk: Buffer) => {
      seen += chunk;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    terminal.stdin.write('one\ntwo\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    // Control-D: the end of the input.
    terminal.stdin.write('\u0004');
    await ended(terminal);
    assert.match(seen.replaceAll('\r', ''), /one\ntwo\nstatus 0\n/);
  });

  it('goes on and exits at once when nobody reads the terminal', async function () {
    if (!hasScript) this.skip();
    const notes = join(folder, 'notes');
    const command = `${quoted} exit-writing 800 2> '${notes}'; echo "status $?" >> '${notes}'`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'ignore', 'ignore'] });
    await new Promise((resolve) => setTimeout(resolve, 150));
    terminal.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const said = readFileSync(notes, 'utf8');
    terminal.kill('SIGCONT');
    terminal.kill('SIGKILL');
    const [, turnCount] = said.split(/\s/).map(Number);
    assert.match(said, /\nstatus 6\n$/);
    assert.ok((turnCount ?? 0) > 50, said);
  });
});

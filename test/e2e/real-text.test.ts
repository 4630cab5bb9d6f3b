/** A text as they lie about: latin1 words, empty lines, NUL bytes, a program's bytes, lines of all lengths, no newline at its end. */
import assert from 'node:assert/strict';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { Prng } from '../sim/prng.ts';

function realText(): Buffer {
  const random = new Prng(7);
  const parts: Buffer[] = [];
  for (let count = 0; count < 20_000; count += 1) {
    const word = Array.from({ length: random.between(0, 12) }, () => 'aeßüétrnls'.charAt(random.between(0, 9))).join(
      '',
    );
    parts.push(Buffer.from(`${word}\n`, 'latin1'));
  }
  parts.push(Buffer.from('\n\n\0\n\0\0\n\r\n \n'));
  // Too much for one batch of usual size, and all that the topic's limit allows in one record.
  parts.push(Buffer.alloc(900_000, 'long '), Buffer.from('\n'), Buffer.alloc(1_048_000, 0xff), Buffer.from('\n'));
  parts.push(random.bytes(300_000), Buffer.from('\nthe end without its newline'));
  return Buffer.concat(parts);
}

describe('e2e: a real text', function () {
  this.timeout(120_000);
  const text = realText();
  const expected = Buffer.concat([text, Buffer.from('\n')]);

  async function comesOutTheSame(topic: string, ...target: string[]): Promise<void> {
    const produced = await streamctl(['produce', topic, '--create', '-q', ...target], { input: text });
    assert.equal(produced.status, EXIT.ok, produced.stderr);
    const consumed = await streamctl(['consume', topic, '-e', ...target]);
    assert.equal(consumed.status, EXIT.ok, consumed.stderr);
    assert.ok(consumed.stdout.equals(expected), `${topic}: ${consumed.stdout.length} bytes of ${expected.length}`);
  }

  it('comes out the same without a broker, with one that serves, and by its address', () =>
    withFolder(async (directory) => {
      await comesOutTheSame('alone', '--dir', directory);
      const server = await startServe(directory);
      await comesOutTheSame('served', '--dir', directory);
      await comesOutTheSame('addressed', '-b', server.bootstrap);
      assert.equal(await server.stop(), EXIT.ok);
      const after = await streamctl(['consume', 'addressed', '-e', '--dir', directory]);
      assert.ok(after.stdout.equals(expected), after.stderr);
    }));
});

import assert from 'node:assert/strict';
import { describeBytes, parseByteSize } from '../../src/cli/byte-size.ts';
import { CliError } from '../../src/cli/cli-error.ts';

describe('cli: byte size', () => {
  it('reads sizes with units of 1024', () => {
    const wanted = { '0': 0, '512': 512, '64k': 65_536, '500M': 524_288_000, '1.5GiB': 1_610_612_736, '2tb': 2 ** 41 };
    for (const [text, bytes] of Object.entries(wanted)) assert.equal(parseByteSize(text, '--x'), bytes, text);
  });

  it('refuses what is none', () => {
    for (const text of ['', '-1', '1e9', '5X', '5 MM', 'none', '99999999999T']) {
      assert.throws(
        () => parseByteSize(text, '--x'),
        (error) => error instanceof CliError && error.exitCode === 2,
        text,
      );
    }
  });

  it('writes them for people', () => {
    assert.deepEqual([0, 1023, 1536, 2 ** 41].map(describeBytes), ['0 B', '1023 B', '1.5 KiB', '2.0 TiB']);
  });
});

import assert from 'node:assert/strict';
import { commands } from '../../src/cli/command-table.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { streamctl } from '../helpers/streamctl.ts';

const NAMES = Object.keys(commands).map((id) => id.split(':'));

describe('surface: help', () => {
  for (const words of NAMES) {
    it(`${words.join(' ')} --help shows examples first and the exit statuses`, async () => {
      const help = await streamctl([...words, '--help']);
      const text = help.stdout.toString();
      assert.equal(help.status, EXIT.ok);
      assert.equal(help.stderr, '');
      assert.ok(text.indexOf('EXAMPLES') > 0 && text.indexOf('EXAMPLES') < text.indexOf('USAGE'), text);
      assert.match(text, /EXIT STATUS\n {2}0 /);
      assert.match(text, /128\+N/);
      assert.match(text, /--bootstrap-server/);
    });
  }

  it('check lag --help has the exit statuses of a monitoring system', async () => {
    const text = (await streamctl(['check', 'lag', '--help'])).stdout.toString();
    const statuses = [...text.slice(text.indexOf('EXIT STATUS')).matchAll(/^ {2}(\S+) +(?:([A-Z]+)\b)?/gm)];
    assert.deepEqual(
      statuses.map(([, status, word]) => `${status} ${word ?? ''}`),
      ['0 OK', '1 WARNING', '2 CRITICAL', '3 UNKNOWN', '128+N '],
    );
  });

  it('help, -h and no words at all list the commands', async () => {
    for (const words of [['--help'], ['help'], ['-h'], []]) {
      const help = await streamctl(words);
      assert.equal(help.status, EXIT.ok);
      assert.match(help.stdout.toString(), /produce/);
      assert.match(help.stdout.toString(), /topics/);
    }
  });

  it('help COMMAND is COMMAND --help', async () => {
    const [one, other] = await Promise.all([
      streamctl(['help', 'topics', 'create']),
      streamctl(['topics', 'create', '-h']),
    ]);
    assert.equal(one.stdout.toString(), other.stdout.toString());
    assert.match(one.stdout.toString(), /--if-not-exists/);
  });

  it('--version is one line', async () => {
    const version = await streamctl(['--version']);
    assert.equal(version.status, EXIT.ok);
    assert.match(version.stdout.toString(), /^streamctl \d+\.\d+\.\d+\n$/);
  });
});

import assert from 'node:assert/strict';
import { CliError } from '../../src/cli/cli-error.ts';
import { documentOf, itemError, printDocument } from '../../src/cli/document.ts';
import type { CommonOptions } from '../../src/cli/global-flags.ts';
import { fakeHost } from './fake-host.ts';

const TEXT: CommonOptions = {
  target: { kind: 'directory', path: '/d' },
  timeoutMs: 0,
  quiet: false,
  verbose: false,
  json: false,
  noColor: false,
};
const JSON_OUTPUT = { ...TEXT, json: true };
const failed = itemError('b', new CliError(5, "there is no topic 'b'"));

describe('documents', () => {
  it('are one line of JSON with --json, whole also when something failed', async () => {
    const host = fakeHost();
    await printDocument(host, JSON_OUTPUT, documentOf('topics.delete', [{ name: 'a' }], [failed]), () => '');
    assert.deepEqual(JSON.parse(Buffer.concat(host.written).toString()), {
      v: 1,
      kind: 'topics.delete',
      items: [{ name: 'a' }],
      errors: [{ item: 'b', message: "there is no topic 'b'", exitCode: 5 }],
    });
  });

  it('are text from the same items without it, with the errors on standard error', async () => {
    const host = fakeHost();
    await printDocument(host, TEXT, documentOf('topics.list', ['a'], [failed]), (items) => `${items.join()}\n`);
    assert.equal(Buffer.concat(host.written).toString(), 'a\n');
    assert.deepEqual(host.notes, ["streamctl: there is no topic 'b'"]);
  });

  it('have no text at all where everything failed', async () => {
    const host = fakeHost();
    await printDocument(host, TEXT, documentOf('topics.list', [], [failed]), () => 'HEADING\n');
    assert.deepEqual(host.written, []);
    await printDocument(host, TEXT, documentOf('topics.list', []), () => 'HEADING\n');
    assert.equal(Buffer.concat(host.written).toString(), 'HEADING\n');
  });

  it('name twenty failures on standard error, and count the rest', async () => {
    const host = fakeHost();
    const many = Array.from({ length: 10_000 }, (_, index) => itemError(`${index}`, new CliError(5, `no ${index}`)));
    assert.equal(await printDocument(host, TEXT, documentOf('k', ['a'], many), () => ''), 3);
    assert.equal(host.notes.length, 21);
    assert.deepEqual(host.notes.slice(19), ['streamctl: no 19', 'streamctl: and 9980 more like this']);
  });

  it('come to 0, to 3 when part of it failed, to the status of the failure when all of it did', async () => {
    const statusOf = (items: readonly string[], errors: readonly (typeof failed)[]) =>
      printDocument(fakeHost(), TEXT, documentOf('k', items, errors), () => '');
    assert.equal(await statusOf(['a'], []), 0);
    assert.equal(await statusOf([], []), 0);
    assert.equal(await statusOf(['a'], [failed]), 3);
    assert.equal(await statusOf([], [failed]), 5);
  });
});

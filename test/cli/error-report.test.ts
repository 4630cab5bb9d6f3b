import assert from 'node:assert/strict';
import { CliError } from '../../src/cli/cli-error.ts';
import { exitCodeOf, reportError } from '../../src/cli/error-report.ts';
import { exitCodeOfSignal } from '../../src/cli/exit-codes.ts';
import { ClientError, type ClientErrorKind, ProduceError, Unreachable } from '../../src/client/client-error.ts';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import { NoRegularFileError } from '../../src/log/atomic-file.ts';
import { UnknownFormatError } from '../../src/log/close-record.ts';
import { KafkaError } from '../../src/protocol/errors.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: something, write`), { code });
}

describe('exit statuses', () => {
  const kinds: readonly [ClientErrorKind, number][] = [
    ['refused', 1],
    ['not-found', 5],
    ['unreachable', 6],
    ['authorization', 7],
    ['conflict', 8],
    ['data', 9],
    ['usage', 2],
    ['output', 1],
    ['input', 1],
  ];
  for (const [kind, status] of kinds) {
    it(`a client error '${kind}' is ${status}`, () => assert.equal(exitCodeOf(new ClientError(kind, 'x')), status));
  }

  it('errors of the command line, the directory, Kafka and the system have theirs', () => {
    assert.equal(exitCodeOf(new CliError(4, 'x')), 4);
    assert.equal(exitCodeOf(new Unreachable('x')), 6);
    const acked = { lines: 1, bytes: 1, elapsedMs: 1, isAll: true };
    assert.equal(exitCodeOf(new ProduceError(new CliError(5, 'x'), acked)), 5);
    assert.equal(exitCodeOf(new ClusterError('missing', 'x')), 5);
    assert.equal(exitCodeOf(new ClusterError('damaged', 'x')), 9);
    assert.equal(exitCodeOf(new NoRegularFileError('x')), 9);
    assert.equal(exitCodeOf(new UnknownFormatError('x')), 9);
    assert.equal(exitCodeOf(new KafkaError('TOPIC_ALREADY_EXISTS')), 8);
    assert.equal(exitCodeOf(new KafkaError('UNKNOWN_SERVER_ERROR')), 1);
    assert.equal(exitCodeOf(systemError('EACCES')), 7);
    assert.equal(exitCodeOf(systemError('ENOSPC')), 1);
    assert.equal(exitCodeOf('a string'), 1);
  });

  it('a signal is 128 + its number', () => {
    assert.deepEqual(['SIGHUP', 'SIGINT', 'SIGPIPE', 'SIGTERM'].map(exitCodeOfSignal), [129, 130, 141, 143]);
  });
});

describe('error reports', () => {
  it('are one line with the command in front, whatever the message looks like', () => {
    const report = reportError(new Error('first\nsecond'), 'topics list', []);
    assert.deepEqual(report, { exitCode: 1, line: 'streamctl topics list: first second' });
    assert.equal(reportError(new CliError(2, 'x'), '', []).line, 'streamctl: x');
  });

  it('say nothing when the reader of the output is gone, and exit as if the signal had come', () => {
    const wrapped = new ClientError('output', 'standard output: broken pipe', { cause: systemError('EPIPE') });
    for (const error of [systemError('EPIPE'), wrapped]) {
      assert.deepEqual(reportError(error, 'consume', []), { exitCode: 141, line: undefined });
    }
    const full = new ClientError('output', 'standard output: no space', { cause: systemError('ENOSPC') });
    assert.equal(reportError(full, 'consume', []).exitCode, 1);
  });
});

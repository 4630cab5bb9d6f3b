import assert from 'node:assert/strict';
import { ERRORS, errorCode, errorName, isRetriable, KafkaError } from '../../src/protocol/errors.ts';

describe('errors', () => {
  it('have each code from -1 to 136 once', () => {
    const codes = Object.values(ERRORS).map((facts) => facts.code);
    assert.deepEqual(
      codes.toSorted((left, right) => left - right),
      Array.from({ length: 138 }, (_, index) => index - 1),
    );
  });

  it('are found by name and by code', () => {
    assert.equal(errorCode('UNKNOWN_TOPIC_ID'), 100);
    assert.equal(errorName(100), 'UNKNOWN_TOPIC_ID');
    assert.equal(errorName(0), 'NONE');
  });

  it('read as UNKNOWN_SERVER_ERROR when the code is of a time to come', () => {
    assert.equal(errorName(9999), 'UNKNOWN_SERVER_ERROR');
  });

  it('say whether a client may try again', () => {
    assert.equal(isRetriable('NOT_LEADER_OR_FOLLOWER'), true);
    assert.equal(isRetriable('MESSAGE_TOO_LARGE'), false);
  });

  it('are thrown as one class that carries name, code and cause', () => {
    const cause = new Error('why');
    const error = new KafkaError('REQUEST_TIMED_OUT', undefined, { cause });
    assert.deepEqual(
      { errorName: error.errorName, code: error.code, retriable: error.retriable, message: error.message },
      { errorName: 'REQUEST_TIMED_OUT', code: 7, retriable: true, message: 'request timed out' },
    );
    assert.equal(error.cause, cause);
  });
});

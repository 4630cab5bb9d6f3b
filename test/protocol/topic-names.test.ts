import assert from 'node:assert/strict';
import { collidingTopic, isInternalTopic, problemWithTopicName } from '../../src/protocol/topic-names.ts';

describe('topic names', () => {
  for (const name of ['a', 'A.b_c-1', '__consumer_offsets', 'x'.repeat(249), '...', '0']) {
    it(`allow '${name.slice(0, 20)}'`, () => assert.equal(problemWithTopicName(name), undefined));
  }
  for (const name of ['', '.', '..', 'x'.repeat(250), 'a b', 'a/b', 'ä', 'a\n', 'a:b']) {
    it(`refuse ${JSON.stringify(name.slice(0, 20))}`, () => assert.equal(typeof problemWithTopicName(name), 'string'));
  }

  it('collide when only . and _ differ', () => {
    assert.equal(collidingTopic('a.b', ['x', 'a_b']), 'a_b');
    assert.equal(collidingTopic('a.b', ['a.b', 'ab']), undefined);
    assert.equal(collidingTopic('ab', ['a_b']), undefined);
  });

  it('know the internal ones', () => {
    assert.equal(isInternalTopic('__consumer_offsets'), true);
    assert.equal(isInternalTopic('__mine'), false);
  });
});

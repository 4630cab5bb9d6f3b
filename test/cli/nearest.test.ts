import assert from 'node:assert/strict';
import { nearest } from '../../src/cli/nearest.ts';

describe('the nearest word', () => {
  const words = ['produce', 'consume', 'serve', 'topics list', 'topics create'];

  it('is the one meant', () => {
    assert.equal(nearest('prodcue', words), 'produce');
    assert.equal(nearest('comsume', words), 'consume');
    assert.equal(nearest('topics lst', words), 'topics list');
  });

  it('is none when nothing is near', () => {
    assert.equal(nearest('migrate', words), undefined);
    assert.equal(nearest('x', words), undefined);
  });
});

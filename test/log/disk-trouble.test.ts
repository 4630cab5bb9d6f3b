import assert from 'node:assert/strict';
import { DiskTrouble } from '../../src/log/disk-trouble.ts';

function newTrouble() {
  const said: string[] = [];
  const log = {
    error: (text: string) => said.push(`error ${text}`),
    info: (text: string) => said.push(`info ${text}`),
  };
  return { said, trouble: new DiskTrouble(log, '/d') };
}

const failure = (code: string): Error => Object.assign(new Error(`${code}: it failed`), { code });

describe('log: trouble with the disk', () => {
  it('is told once for a directory and each code, whatever the path', () => {
    const { said, trouble } = newTrouble();
    for (let log = 0; log < 1000; log++) trouble.tell(`/d/t-${log}`, failure('EIO'));
    trouble.tell('/d/t-0', failure('ENOSPC'));
    trouble.tell('/d/t-0', 'no error at all');
    assert.deepEqual(
      said.map((text) => text.slice(0, 18)),
      ['error /d/t-0: EIO:', 'error /d/t-0: ENOS', 'error /d/t-0: no e'],
    );
  });

  it('is told again after a write went through, which is told once', () => {
    const { said, trouble } = newTrouble();
    trouble.over();
    trouble.tell('/d/t-0', failure('EROFS'));
    trouble.over();
    trouble.over();
    trouble.tell('/d/t-0', failure('EROFS'));
    assert.deepEqual(
      said.map((text) => text.split(' ')[0]),
      ['error', 'info', 'error'],
    );
  });
});

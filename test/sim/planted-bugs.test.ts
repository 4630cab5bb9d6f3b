import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { patched } from './bundle.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { runPlanted } from './planted-run.ts';

const ROOT = new URL('../../', import.meta.url);
const SEEDS_MAX = 60;

function textOf(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

describe('sim: planted bugs', () => {
  it('each change fits the source as it is', () => {
    for (const { name, patches } of PLANTED_BUGS) {
      for (const { file } of patches) assert.notEqual(patched(file, textOf(file), patches), textOf(file), name);
    }
  });

  it('a change that does not fit is an error', () => {
    const patch = { file: 'src/x.ts', find: 'twice', replace: 'once' };
    assert.throws(() => patched('src/x.ts', 'not there', [patch]), /has 0 of: twice/);
    assert.throws(() => patched('src/x.ts', 'twice, twice', [patch]), /has 2 of: twice/);
    assert.equal(patched('src/y.ts', 'not there', [patch]), 'not there');
  });

  it('docs/seeded-bugs.md lists them all, each caught', () => {
    const rows = textOf('docs/seeded-bugs.md').split('\n').slice(2);
    for (const { name, what } of PLANTED_BUGS) {
      const row = rows.find((each) => each.startsWith(`| ${name} | ${what} |`));
      assert.ok(row !== undefined, name);
      assert.match(row, /\| I-\d+, after \d+ [a-z ]+ \|$/, row);
    }
  });

  for (const bug of PLANTED_BUGS.filter(({ isQuick }) => isQuick === true)) {
    it(`finds it when ${bug.what}`, async function () {
      this.timeout(120_000);
      const { caught, runs } = await runPlanted(bug, SEEDS_MAX);
      assert.ok(caught !== undefined, `${bug.name} was not found in ${runs} seeds`);
      assert.match(caught.violations[0]?.rule ?? '', /^I-\d+$/);
    });
  }
});

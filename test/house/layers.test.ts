import assert from 'node:assert/strict';
import { heavyAtStart, importCycles, layerBreaches } from './layers.ts';
import { parseSource, sourceFiles } from './source-code.ts';

describe('house: layers', () => {
  const files = sourceFiles('src', 'commands');

  it('every import goes down, as DESIGN section 2 draws it', () => {
    assert.deepEqual(layerBreaches(files), []);
  });

  it('no files import each other in a circle', () => {
    assert.deepEqual(importCycles(files), []);
  });

  it('no command loads the broker before it needs one', () => {
    assert.deepEqual(heavyAtStart(files), []);
  });

  it('an upward import is found, whatever a comment says', () => {
    const upward = parseSource('src/log/x.ts', "// import '../broker/no.ts'\nimport { a } from '../cluster/y.ts';\n");
    assert.match(layerBreaches([upward])[0] ?? '', /^src\/log\/x\.ts:2: log must not import cluster/);
  });

  it('an early import of the broker is found through other files; an `import type` or `import()` is none', () => {
    const command = parseSource('commands/a.ts', "await import('../src/cli/a.ts');");
    const core = parseSource('src/cli/a.ts', "import type { B } from '../broker/y.ts';\nimport { c } from './b.ts';");
    const late = parseSource('src/cli/b.ts', "await import('../broker/y.ts');");
    const early = parseSource('src/cli/b.ts', "import {\n  A,\n} from '../broker/y.ts';");
    assert.deepEqual(heavyAtStart([command, core, late]), []);
    assert.match(heavyAtStart([command, core, early])[0] ?? '', /^src\/cli\/b\.ts:3: every command loads/);
  });

  it('a circle is found', () => {
    const a = parseSource('src/log/a.ts', "import { b } from './b.ts';");
    const b = parseSource('src/log/b.ts', "export { a } from './a.ts';");
    assert.deepEqual(importCycles([a, b]), ['src/log/a.ts -> src/log/b.ts -> src/log/a.ts']);
  });
});

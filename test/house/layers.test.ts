import assert from 'node:assert/strict';
import { importCycles, layerBreaches } from './layers.ts';
import { parseSource, sourceFiles } from './source-code.ts';

describe('house: layers', () => {
  const files = sourceFiles('src', 'commands');

  it('every import goes down, as DESIGN section 2 draws it', () => {
    assert.deepEqual(layerBreaches(files), []);
  });

  it('no files import each other in a circle', () => {
    assert.deepEqual(importCycles(files), []);
  });

  it('an upward import is found, an `import type` of cli is not one, a static one is', () => {
    const upward = parseSource('src/log/x.ts', "// import '../broker/no.ts'\nimport { a } from '../cluster/y.ts';\n");
    const types = parseSource(
      'src/cli/x.ts',
      "import type { A } from '../broker/y.ts';\nawait import('../broker/y.ts');",
    );
    const eager = parseSource('src/cli/x.ts', "import {\n  A,\n} from '../broker/y.ts';");
    assert.match(layerBreaches([upward])[0] ?? '', /^src\/log\/x\.ts:2: log must not import cluster/);
    assert.deepEqual(layerBreaches([types]), []);
    assert.match(layerBreaches([eager])[0] ?? '', /^src\/cli\/x\.ts:3: cli takes broker only by import/);
  });

  it('a circle is found', () => {
    const a = parseSource('src/log/a.ts', "import { b } from './b.ts';");
    const b = parseSource('src/log/b.ts', "export { a } from './a.ts';");
    assert.deepEqual(importCycles([a, b]), ['src/log/a.ts -> src/log/b.ts -> src/log/a.ts']);
  });
});

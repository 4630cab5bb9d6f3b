import assert from 'node:assert/strict';
import { escapesOf } from './outside-world.ts';
import { parseSource, sourceFiles } from './source-code.ts';

describe('house: the world outside', () => {
  it('is reached only through Env', () => {
    assert.deepEqual(sourceFiles('src', 'commands').flatMap(escapesOf), []);
  });

  it('a clock, a module and a timer are found; a comment, a string and a type are not', () => {
    const bad = parseSource(
      'src/log/x.ts',
      `import { open } from 'node:fs/promises';\nconst a = Date.now();\nconst s = \`\${setTimeout(f, 1)}\`;\n`,
    );
    const good = parseSource(
      'src/log/y.ts',
      "// Date.now()\nimport type { Stats } from 'node:fs';\nconst a = 'Date.now()';\n",
    );
    assert.deepEqual(
      escapesOf(bad).map((line) => line.split(': ')[0]),
      ['src/log/x.ts:2', 'src/log/x.ts:3', 'src/log/x.ts:1'],
    );
    assert.deepEqual(escapesOf(good), []);
  });
});

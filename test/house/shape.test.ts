import assert from 'node:assert/strict';
import { bannedWords, functionsOf, longFiles, longFunctions, orphans } from './shape.ts';
import { parseSource, sourceFiles } from './source-code.ts';

describe('house: shape', () => {
  const product = sourceFiles('src', 'commands', 'bin');
  const everything = [...product, ...sourceFiles('test', 'bench')];

  it('no file is longer than 400 lines', () => {
    assert.deepEqual(longFiles(everything), []);
  });

  it('no function is longer than 60 lines', () => {
    assert.deepEqual(longFunctions(product), []);
  });

  it('no unfinished marker, silenced check, left-out test or path of one machine stands anywhere', () => {
    assert.deepEqual(everything.flatMap(bannedWords), []);
  });

  it('every file of src/ is imported by the program', () => {
    assert.deepEqual(orphans(product, [...product, ...sourceFiles('bench')]), []);
  });

  it('functions, methods and arrows are measured; conditions, classes and objects are not functions', () => {
    const source = parseSource(
      'src/x.ts',
      [
        'export function first(a: { b: number }): { c: number } {',
        '  if (a.b > 1) {',
        '    return { c: 2 };',
        '  }',
        '}',
        'class Thing {',
        '  async second<T>(x: T): Promise<void> {',
        '  }',
        '}',
        'const third = async (a: number): Promise<void> => {',
        '};',
        `const text = \`\${first({ b: 1 })} {\`;`,
      ].join('\n'),
    );
    assert.deepEqual(functionsOf(source), [
      { name: 'first', line: 1, lines: 5 },
      { name: 'second', line: 7, lines: 2 },
      { name: 'third', line: 10, lines: 2 },
    ]);
  });
});

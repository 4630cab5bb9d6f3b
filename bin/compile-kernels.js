/** Compiles `src/client/wasm/line-kernels.ts` (AssemblyScript) to WebAssembly, for the build and for the tests. */
'use strict';
const path = require('node:path');

const SOURCE = require.resolve('../src/client/wasm/line-kernels.ts');

/** The bytes of the module. It imports its memory and nothing else. Throws when the source does not compile. */
async function compileKernels() {
  const { default: asc } = await import('assemblyscript/asc');
  let bytes;
  const args = [path.basename(SOURCE), '--baseDir', path.dirname(SOURCE), '--outFile', 'kernels.wasm'];
  const flags = ['-O3', '--runtime', 'stub', '--importMemory', '--enable', 'simd'];
  const { error, stderr } = await asc.main([...args, ...flags], {
    writeFile(_name, contents) {
      bytes = contents;
    },
  });
  if (error !== null) throw new Error(`the kernels do not compile: ${stderr.toString()}`, { cause: error });
  return bytes;
}

module.exports = { compileKernels };

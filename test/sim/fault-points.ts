/** The fault points that the source has. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url));

/** Every name in an `env.fault('...')` of `src/`, ascending. */
export function faultPointsInSource(): string[] {
  const names = new Set<string>();
  for (const file of readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(join(SOURCE, file), 'utf8');
    for (const [, name] of text.matchAll(/\.fault\('([^']+)'\)/g)) if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

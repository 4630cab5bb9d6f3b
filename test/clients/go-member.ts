/** The program of test/clients/go, built once into the cache of the outside suites. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PeerMissing } from './peers.ts';

const SOURCE = fileURLToPath(new URL('./go/', import.meta.url));

/** The built program. Throws PeerMissing without Go, or where its modules cannot be had. */
export function goMember(): string {
  if (spawnSync('go', ['version']).error) throw new PeerMissing('go is not installed (Go 1.26 or later)');
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(SOURCE, name)));
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'streamctl-test-peers');
  const program = join(cache, `go-member-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const part = `${program}.part-${process.pid}`;
  const built = spawnSync('go', ['build', '-o', part, '.'], { cwd: SOURCE, encoding: 'utf8' });
  if (built.status !== 0) throw new PeerMissing(`the Go client could not be built: ${built.stderr}`);
  renameSync(part, program);
  return program;
}

/** Checks what recoveries set aside: `cut/<topic>-<p>.<base>.<from>-<to>.<CRC-32C of the bytes>`. */
import { crc32c } from '../../kernel/crc32c.ts';
import type { Env } from '../../kernel/env.ts';
import { FileFindings, type Finding } from '../../kernel/finding.ts';
import { hexCrc } from '../close-record.ts';

/** Findings of all files in `directory`; none where it is missing. What is set aside is no part of a log any more. */
export async function verifySetAside(env: Env, directory: string): Promise<Finding[]> {
  if ((await env.disk.stat(directory)) === undefined) return [];
  const found: Finding[] = [];
  for (const name of await env.disk.list(directory)) {
    const findings = new FileFindings(`${directory}/${name}`);
    const crc = /\.\d+-\d+\.([0-9a-f]{8})$/.exec(name)?.[1];
    if (crc === undefined) {
      findings.add('unchecked', 'stray', 'it has not the name of what a recovery sets aside');
    } else if (hexCrc(crc32c(await env.disk.readFile(findings.file))) !== crc) {
      findings.add('damage', 'crc', 'it does not have the CRC in its name');
    }
    found.push(...findings.all);
  }
  return found;
}

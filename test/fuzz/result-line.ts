/** What a fuzz lane says at its end: one line, which is also added to $STREAMCTL_RESULTS/<lane>.ndjson where that is set. */
import { appendFileSync } from 'node:fs';

export function tell(lane: string, result: object): void {
  console.log(`      ${JSON.stringify({ lane, ...result })}`);
  append(lane, { lane, ...result });
}

function append(lane: string, result: object): void {
  const results = process.env['STREAMCTL_RESULTS'];
  if (results !== undefined) appendFileSync(`${results}/${lane}.ndjson`, `${JSON.stringify(result)}\n`);
}

/** The counts of each row, aligned below their names; also a line each in $STREAMCTL_RESULTS/<lane>.ndjson. */
export function tellTable(
  lane: string,
  rowName: string,
  rows: ReadonlyMap<string, Readonly<Record<string, number>>>,
): void {
  const columns = Object.keys([...rows.values()][0] ?? {});
  const nameWidth = Math.max(rowName.length, ...[...rows.keys()].map(({ length }) => length));
  const line = (name: string, cells: readonly (string | number)[]): string =>
    [name.padEnd(nameWidth), ...cells.map((cell, at) => String(cell).padStart(columns[at]?.length ?? 0))].join('  ');
  console.log(`      ${line(rowName, columns)}`);
  for (const [name, counts] of rows) {
    console.log(
      `      ${line(
        name,
        columns.map((column) => counts[column] || '.'),
      )}`,
    );
    append(lane, { lane, [rowName]: name, ...counts });
  }
}

/** In MiB: what it was at first, at last and at most, and by how much it grew. */
export interface MemoryFacts {
  readonly first: number;
  readonly last: number;
  readonly max: number;
  readonly growth: number;
}

/** Memory over a lane's time, looked at each so often: what it was at first is what it is at last when nothing is kept. */
export class Flatness {
  readonly #read: () => number;
  readonly #samples: number[] = [];

  /** `readBytes`: the resident memory at the moment. */
  constructor(readBytes: () => number) {
    this.#read = readBytes;
  }

  sample(): void {
    this.#samples.push(this.#read());
  }

  /** By how much the mean of the last quarter is above that of the second: the first warms up. */
  get growthBytes(): number {
    const quarter = Math.max(1, Math.floor(this.#samples.length / 4));
    return mean(this.#samples.slice(-quarter)) - mean(this.#samples.slice(quarter, 2 * quarter));
  }

  get facts(): MemoryFacts {
    const [first = 0] = this.#samples;
    const last = this.#samples.at(-1) ?? 0;
    const all = [first, last, Math.max(...this.#samples), this.growthBytes];
    const [firstMiB = 0, lastMiB = 0, max = 0, growth = 0] = all.map((bytes) => Math.round(bytes / (1 << 20)));
    return { first: firstMiB, last: lastMiB, max, growth };
  }
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

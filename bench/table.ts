/** The table that every benchmark adds its rows to. */

export interface Row {
  readonly what: string;
  /** Medians in words, ours first. */
  readonly measured: string;
  /** The figure that the target is set for. */
  readonly figure: string;
  readonly target: string;
  readonly reached: boolean | undefined;
}

export function printTable(rows: readonly Row[]): void {
  process.stdout.write('| what | measured (medians) | figure | reach at least | reached |\n|---|---|---|---|---|\n');
  for (const row of rows) {
    const reached = row.reached === undefined ? '' : row.reached ? 'yes' : 'no';
    process.stdout.write(`| ${row.what} | ${row.measured} | ${row.figure} | ${row.target} | ${reached} |\n`);
  }
}

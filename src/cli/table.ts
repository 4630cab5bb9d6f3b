import type { Style } from './style.ts';

/** Lines of aligned columns under a heading; the last column is not padded, nothing is cut. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[], style: Style): string {
  const widths = columns.map((column, index) =>
    rows.reduce((width, row) => Math.max(width, row[index]?.length ?? 0), column.length),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, index) => (index === cells.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  ');
  return [style.heading(line(columns)), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

import type { Style } from './style.ts';

/** Lines of aligned columns under a heading; the last column is not padded, nothing is cut; a line break or tab is escaped. */
export function table(columns: readonly string[], texts: readonly (readonly string[])[], style: Style): string {
  const rows = texts.map((cells) => cells.map(oneCell));
  const widths = columns.map((column, index) =>
    rows.reduce((width, row) => Math.max(width, row[index]?.length ?? 0), column.length),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, index) => (index === cells.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  ');
  return [style.heading(line(columns)), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

/** A group's name may hold a line break, and a row is one line, whoever made it up. */
export function oneCell(text: string): string {
  return text.replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

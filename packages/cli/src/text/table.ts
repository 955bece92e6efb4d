/** A table in columns as wide as their widest cell; those of numbers stand to the right. */
export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** The title line, then one for each row, without trailing spaces. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, index) => Math.max(...[titles, ...rows].map((row) => row[index]!.length)));
  return [titles, ...rows].map((row) =>
    row
      .map((cell, index) => {
        const width = widths[index]!;
        return columns[index]!.align === 'left' ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

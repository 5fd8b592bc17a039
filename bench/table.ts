import type { Check } from './facts.ts';

/** One line a check, in columns as wide as their widest cell. */
export function table(checks: readonly (Check & { readonly name: string })[]): string {
  const rows = [
    ['', 'what', 'measured', 'bound', ''],
    ...checks.map(({ name, what, measured, bound, ok }) => [name, what, measured, bound, ok ? 'ok' : 'NOT OK']),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

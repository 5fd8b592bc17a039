/** One promise held against one measurement. */
export interface Check {
  /** `acknowledged, p99` */
  readonly what: string;
  readonly measured: string;
  /** `<= 50 ms` */
  readonly bound: string;
  readonly ok: boolean;
}

/** What a benchmark found: everything it measured, and the promises it was about. */
export interface Findings {
  readonly facts: object;
  readonly checks: readonly Check[];
}

export function atMost(what: string, measured: number, bound: number, unit = ''): Check {
  return { what, measured: shown(measured, unit), bound: `<= ${shown(bound, unit)}`, ok: measured <= bound };
}

export function atLeast(what: string, measured: number, bound: number, unit = ''): Check {
  return { what, measured: shown(measured, unit), bound: `>= ${shown(bound, unit)}`, ok: measured >= bound };
}

/** The smallest value that at least this share of all is not above (nearest rank). NaN when there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** To two decimals: more is noise. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function shown(value: number, unit: string): string {
  return `${round(value).toLocaleString('en')}${unit === '' ? '' : ` ${unit}`}`;
}

/** One thing that is wrong in the configuration. No secrets: `found` is made by functions that hide them. */
export interface ConfigFault {
  /** `gateways[1].admin_api.url`, or the name of an environment variable; empty for the whole file. */
  readonly path: string;
  /** Where in the file, counting from 1. Absent for what is not there and for the environment. */
  readonly line?: number;
  readonly column?: number;
  readonly found: string;
  readonly allowed: string;
}

/**
 * What an operator reads: every fault at once, in the order of the file, each with its place, what was found and what
 * is allowed. `file` is null when none was found.
 */
export function formatFaults(file: string | null, faults: readonly ConfigFault[]): string {
  const many = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  const head = `The configuration ${file === null ? '' : `${file} `}has ${many}:`;
  return [head, ...faults.toSorted(byPlace).map(formatFault)].join('\n\n');
}

function formatFault(fault: ConfigFault): string {
  const line = fault.line === undefined ? '' : `line ${fault.line}${column(fault)}`;
  const place = [fault.path, line].filter((part) => part !== '').join(', ') || 'the file';
  return `  ${place}\n    found:   ${fault.found}\n    allowed: ${fault.allowed}`;
}

function column(fault: ConfigFault): string {
  return fault.column === undefined ? '' : `, column ${fault.column}`;
}

/** Faults without a line (the environment, missing files) come after those of the file. */
function byPlace(one: ConfigFault, two: ConfigFault): number {
  return (one.line ?? Infinity) - (two.line ?? Infinity) || (one.column ?? 0) - (two.column ?? 0);
}

/** `['gateways', 1, 'admin_api']` as people write it: `gateways[1].admin_api`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

/** `a, b or c`. */
export function oneOf(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

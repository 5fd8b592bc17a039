/** `1.2 GB`, `340 KB`: decimal units, as disks are sold. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** `1 table`, `31 tables`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** `a, b, c and 4 more`: a list that stays readable. */
export function some(names: readonly string[], most = 5): string {
  if (names.length <= most) return names.join(', ');
  return `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
}

/** Kong sets no end to a name, and a megabyte of one would be in every event and on every card. */
const LONGEST_NAME = 120;

/** The name of an entity, cut where it is longer than anybody reads. */
export function shortName(name: string): string {
  if (name.length <= LONGEST_NAME) return name;
  // Half a character at the end is none.
  return `${name.slice(0, LONGEST_NAME - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return joined(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 86_400) return joined(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
  return joined(Math.floor(whole / 86_400), 'd', Math.floor((whole % 86_400) / 3600), 'h');
}

/** `512 bytes`, `1.5 MB`: decimal units, as disks are sold and `ls --si` prints. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const power = Math.min(UNITS.length, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power - 1] ?? 'kB'}`;
}

/** How long before `now`. */
export function age(at: string, now: Date): string {
  return duration((now.getTime() - Date.parse(at)) / 1000);
}

/** `2026-11-21 12:30:05Z`: what a log shows, to the second. */
export function clock(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}Z`;
}

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'];

function joined(large: number, unit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`;
}

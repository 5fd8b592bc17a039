import { readFileSync } from 'node:fs';

/** The most memory that this process ever held, in MB: maxRSS counts its parent's at the fork too. Linux alone. */
export function peakMb(): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

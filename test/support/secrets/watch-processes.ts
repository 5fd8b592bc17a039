import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface Watching {
  /** Ends it and answers the arguments of every process that was seen, once each. */
  stop(): Promise<readonly string[]>;
}

/** So often a process is looked at: between fork and exec it still has its parent's arguments. */
const LOOKS = 3;

/** Reads the arguments of all processes of the machine again and again: what a started program starts is seen here. */
export function watchProcesses(everyMs = 10): Watching {
  const seen = new Set<string>();
  let looks = new Map<string, number>();
  const stopped = new AbortController();
  const look = (): void => {
    const now = new Map<string, number>();
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      const times = looks.get(pid) ?? 0;
      now.set(pid, times + 1);
      if (times < LOOKS) seen.add(argumentsOf(pid));
    }
    looks = now;
  };
  const watch = async (): Promise<void> => {
    for (; !stopped.signal.aborted; await pause(everyMs)) look();
  };
  const watching = watch();
  return {
    stop: async () => {
      stopped.abort();
      await watching;
      return [...seen];
    },
  };
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // Gone meanwhile.
    return '';
  }
}

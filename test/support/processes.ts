import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, vi } from 'vitest';

const patient = { timeout: 10_000, interval: 20 };

/** A process that is gone or only waits to be reaped: `kill -0` cannot tell a zombie from the living. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z');
}

/** The process id that a program writes into a file, once it does. */
export async function pidIn(file: string): Promise<number> {
  return await vi.waitFor(() => {
    const pid = Number(readFileSync(file, 'utf8').trim());
    if (!pid) throw new Error('not written yet');
    return pid;
  }, patient);
}

/** Resolves when the process is gone. */
export async function gone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), patient);
}

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { atMost, round, type Findings } from './facts.ts';

const run = promisify(execFile);
const CHILD = new URL('storage-child.ts', import.meta.url).pathname;
const SMALL_MB = 20;
const LARGE_MB = 200;
const WORKER_MB = 250;

interface Pass {
  readonly tool: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly peakMb: number;
}

/** Compressing, encrypting and storing a generated stream in two folders: speed of both ciphers, and memory by size. */
export async function benchStorage(): Promise<Findings> {
  const program = { small: await pass(SMALL_MB, 'program'), large: await pass(LARGE_MB, 'program') };
  const library = { small: await pass(SMALL_MB, 'library'), large: await pass(LARGE_MB, 'library') };
  const facts = [program, library].map(({ small, large }) => ({
    tool: large.tool,
    megabytesPerSecond: round(LARGE_MB / large.seconds),
    peakMbOfSmall: round(small.peakMb),
    peakMbOfLarge: round(large.peakMb),
  }));
  return {
    facts: { [`streams of ${SMALL_MB} and ${LARGE_MB} MB`]: facts },
    checks: [program, library].flatMap(({ small, large }) => [
      atMost(`storing ${LARGE_MB} MB by ${large.tool}, peak memory`, large.peakMb, WORKER_MB, 'MB'),
      // The same whatever the size, but for what the collector has not come to yet.
      atMost(
        `storing ${LARGE_MB} MB by ${large.tool}, memory beyond ${SMALL_MB} MB's`,
        large.peakMb - small.peakMb,
        60,
        'MB',
      ),
    ]),
  };
}

async function pass(megabytes: number, cipher: 'program' | 'library'): Promise<Pass> {
  const folder = await mkdtemp(join(tmpdir(), 'kong-chatops-bench-'));
  try {
    const { stdout } = await run(process.execPath, [CHILD, folder, String(megabytes), cipher]);
    return JSON.parse(stdout) as Pass;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

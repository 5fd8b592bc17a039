import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { programPath } from '../need.ts';

export interface DeckRun {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Real decK with a private HOME and nothing of the caller's environment. */
export async function runDeck(
  url: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<DeckRun> {
  const home = await mkdtemp(join(tmpdir(), 'deck-home-'));
  try {
    const { exitCode, stdout, stderr } = await execa(programPath('deck') ?? 'deck', [...args], {
      env: { HOME: home, DECK_ANALYTICS: 'off', DECK_KONG_ADDR: url, ...env },
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
    });
    return { exit: exitCode ?? -1, stdout, stderr };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { packFates, type Fates } from './fates.ts';

const WORKER = fileURLToPath(new URL('doomed-worker.ts', import.meta.url));
// Many processes load the same modules: only the first has to strip their types.
const COMPILED = join(tmpdir(), 'kong-chatops-crash-compiled');

/**
 * One worker after the other, each a process of its own, until one is left with nothing to do for that run: it waits for
 * people, for time, or has ended.
 */
export async function workWhileKilled(runId: string, fates: Fates, env: NodeJS.ProcessEnv): Promise<void> {
  while (await diesAtWork(runId, fates, env));
}

/** One worker: true where it died by SIGKILL, false where nothing was left to do. Throws when it ended in another way. */
export async function diesAtWork(runId: string, fates: Fates, env: NodeJS.ProcessEnv): Promise<boolean> {
  const worker = spawn(process.execPath, [WORKER, runId, packFates(fates)], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, [code, signal]] = await Promise.all([text(worker.stderr), once(worker, 'exit')]);
  if (code !== 0 && signal !== 'SIGKILL')
    throw new Error(`a worker ended by itself (${String(code ?? signal)}):\n${said}`);
  return code !== 0;
}

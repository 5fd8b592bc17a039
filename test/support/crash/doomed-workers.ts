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
 * A worker of its own, until nothing is left to do for that run: it waits for people, for time, or has ended. True where it
 * died by SIGKILL, else false. Throws when it ended in another way.
 */
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

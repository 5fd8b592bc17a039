import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WorkerOrder } from './crash-worker-child.ts';

const CHILD = fileURLToPath(new URL('crash-worker-child.ts', import.meta.url));

/** A worker in a process of its own. */
export interface CrashWorker {
  /** From now on it dies right after so many appends; 0: it lives. */
  arm(dieAfter: number): Promise<void>;
  /** Whether it died by SIGKILL. Throws when it ended by itself. */
  killed(): boolean;
  stop(): Promise<void>;
}

/** Resolves once it is up. */
export async function startCrashWorker(env: Readonly<Record<string, string>>): Promise<CrashWorker> {
  const child = fork(CHILD, {
    env: { PATH: process.env['PATH'], ...env },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const said: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
  const ended = once(child, 'exit');
  const told = async (order: WorkerOrder | null, answer: string): Promise<void> => {
    const heard = new Promise<void>((resolve) => {
      child.on('message', (message) => (message === answer ? resolve() : undefined));
    });
    if (order !== null) child.send(order);
    await Promise.race([
      heard,
      ended.then(() => {
        throw new Error(`the worker ended:\n${said.join('')}`);
      }),
    ]);
  };
  await told(null, 'up');
  return {
    arm: (dieAfter) => told({ dieAfter }, 'armed'),
    killed: () => {
      if (child.exitCode !== null && child.exitCode !== 0) throw new Error(`the worker failed:\n${said.join('')}`);
      return child.signalCode === 'SIGKILL';
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.send('stop' satisfies WorkerOrder);
      await ended;
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const PATIENCE_MS = 30_000;

/** `kong-chatops start …` as an operator starts it. */
export interface BotProcess {
  readonly pid: number;
  /** From the start of the process until `/readyz` says yes. */
  readonly readySeconds: number;
  /** What it wrote to standard error and output, its last 4,000 characters. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts it and waits until it is ready. `arguments_`: what follows `start`. */
export async function startBotProcess(
  arguments_: readonly string[],
  env: Readonly<Record<string, string>>,
  operationsPort: number,
): Promise<BotProcess> {
  const began = performance.now();
  const child = spawn(process.execPath, [CLI, 'start', ...arguments_], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
  }
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  };
  while (!(await isReady(operationsPort))) {
    if (child.exitCode !== null) throw new Error(`the bot ended by itself with ${child.exitCode}:\n${said}`);
    if (performance.now() - began > PATIENCE_MS) {
      await stop();
      throw new Error(`the bot was not ready within ${PATIENCE_MS / 1000} s:\n${said}`);
    }
    await pause(50);
  }
  return { pid: child.pid ?? 0, readySeconds: (performance.now() - began) / 1000, log: () => said, stop };
}

async function isReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

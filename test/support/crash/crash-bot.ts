import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Doom, Order } from './crash-child.ts';

const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url));

/** Room for all that it loads: a process that lives for a second should not spend a tenth of it on garbage. */
const SHORT_LIVED = ['--min-semi-space-size=16', '--max-semi-space-size=32', '--no-concurrent-sweeping'];

/** A whole bot in a process of its own, and what was already asked of it. */
export interface CrashBot {
  /** Up, and neither ended nor killed. */
  alive(): boolean;
  /** Whether it died by SIGKILL. Throws when it ended by itself. */
  killed(): boolean;
  /** Asks once by this key, as soon as it is up. */
  send(key: string, order: Order): void;
  /** The end of what it logged. */
  log(): string;
  stop(): Promise<void>;
}

export function startCrashBot(
  env: NodeJS.ProcessEnv,
  doom: Doom | null,
  heard: (text: string) => void = () => undefined,
): CrashBot {
  const child = fork(CHILD, {
    env: { ...env, CRASH_DOOM: JSON.stringify(doom) },
    execArgv: SHORT_LIVED,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said.push(text);
      heard(text);
    });
  }
  let up = false;
  child.once('message', () => {
    up = true;
  });
  const asked = new Set<string>();
  const send = (key: string, order: Order): void => {
    if (!up || asked.has(key) || !child.connected) return;
    asked.add(key);
    child.send(order, () => undefined);
  };
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const log = (): string => said.join('').slice(-4000);
  return {
    send,
    log,
    alive: () => up && !ended(),
    killed: () => {
      if (child.exitCode !== null && child.exitCode !== 0) throw new Error(`the bot ended by itself:\n${log()}`);
      return child.signalCode === 'SIGKILL';
    },
    stop: async () => {
      // Its very last append may have been the deadly one.
      if (ended()) return;
      const exited = once(child, 'exit');
      if (up) child.send({ do: 'stop' } satisfies Order, () => undefined);
      else child.kill('SIGKILL');
      await exited;
    },
  };
}

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Run } from '../../../src/runs/run.ts';
import { openGate } from '../../../src/runs/rules/gate.ts';
import type { Order } from './crash-child.ts';
import { ALICE, BOB } from '../story.ts';

const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url));

/** A whole bot in a process of its own, and what was already asked of it. */
export interface CrashBot {
  /** Up, and neither ended nor killed. */
  alive(): boolean;
  /** Whether it died by SIGKILL. Throws when it ended by itself. */
  killed(): boolean;
  send(key: string, order: Order): void;
  /** What people do next in the story `key`: Alice asks, Bob says go once he was told of the gate. */
  act(run: Run | null, key: string): void;
  /** The end of what it logged. */
  log(): string;
  stop(): Promise<void>;
  kill(): void;
}

export function startCrashBot(env: NodeJS.ProcessEnv): CrashBot {
  const child = fork(CHILD, { env, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const said: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString('utf8')));
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
  const log = (): string => said.join('').slice(-4000);
  return {
    send,
    log,
    alive: () => up && child.exitCode === null && child.signalCode === null,
    killed: () => {
      if (child.exitCode !== null && child.exitCode !== 0) throw new Error(`the bot ended by itself:\n${log()}`);
      return child.signalCode === 'SIGKILL';
    },
    act: (run, key) => {
      if (run === null) return send(key, { do: 'request', person: ALICE, gateway: 'production', key });
      const gate = openGate(run);
      // As a person would: only who was told of a gate can decide it.
      const told = gate !== undefined && run.messages[`needs-you:${gate.gate}`]?.status === 'posted';
      if (told) send(gate.gate, { do: 'vote', person: BOB, gate: gate.gate });
    },
    stop: async () => {
      // Its very last append may have been the deadly one.
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      send('stop', { do: 'stop' });
      await exited;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

import { PassThrough } from 'node:stream';
import type { RunCommand, Running } from '../../../src/run-command/command.ts';
import { localRunner } from '../../../src/run-command/local.ts';

/** Where a worker dies: at the so-manieth statement (from 1) of this kind that it gives to psql. */
export interface Death {
  readonly of: RegExp;
  readonly at: number;
  /** `sent`: nobody knows whether the server still carries it out. `answered`: it was carried out, and no more. */
  readonly when: 'sent' | 'answered';
}

export interface DoomedRunner {
  readonly runner: RunCommand;
  readonly died: () => boolean;
}

/** The local runner of a worker that dies: its programs are killed, and nothing that it would still do happens. */
export function doomedRunner(death: Death, die: () => void = () => undefined): DoomedRunner {
  const real = localRunner();
  let isDead = false;
  let seen = 0;
  const alive = (): RunCommand => {
    if (isDead) throw new Error('this worker is dead');
    return real;
  };
  const end = (running: Running): void => {
    isDead = true;
    die();
    running.kill();
  };
  const watched = (running: Running): Running => {
    const stdin = new PassThrough();
    let isLast = false;
    stdin.on('error', () => undefined);
    stdin.on('data', (chunk: Buffer) => {
      if (isDead) return;
      if (death.of.test(chunk.toString()) && (seen += 1) === death.at) isLast = true;
      running.stdin.write(chunk, () => {
        if (isLast && death.when === 'sent') end(running);
      });
    });
    stdin.on('end', () => void running.stdin.end());
    running.stdout.on('data', (chunk: Buffer | string) => {
      if (isLast && !isDead && chunk.toString().includes(' end\n')) end(running);
    });
    return { ...running, stdin };
  };
  return {
    runner: {
      ...real,
      run: async (command) => await alive().run(command),
      start: (command) => watched(alive().start(command)),
    },
    died: () => isDead,
  };
}

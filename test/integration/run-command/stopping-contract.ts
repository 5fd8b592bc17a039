import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { RunPlace } from '../../../src/config/schema.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import { gone, isAlive, pidIn } from '../../support/processes.ts';

export interface OpenPlace {
  readonly place: RunPlace;
  readonly path?: string;
  readonly run: RunCommand;
  readonly folder: string;
}

const sh = (script: string, ...args: string[]) => ({ program: 'sh', args: ['-c', script, 'sh', ...args] });
const moduleUrl = new URL('../../../src/run-command/runner-for.ts', import.meta.url).href;

/** How programs near a gateway end before their time. */
export function stoppingContract(name: string, open: () => OpenPlace): void {
  describe(`${name}: stopping`, () => {
    test('an abort ends grandchildren too', async () => {
      const abort = new AbortController();
      const file = join(open().folder, 'grandchild');
      const done = open().run.run({ ...sh('sleep 600 & echo $! > "$1"; wait', file), signal: abort.signal });
      const pid = await pidIn(file);
      abort.abort();
      expect(await done).toMatchObject({ exitCode: null, signal: 'SIGTERM', aborted: true, timedOut: false });
      await gone(pid);
    });

    test('an abort ends a program that does not read the input it was given', async () => {
      const abort = new AbortController();
      const file = join(open().folder, 'deaf');
      const done = open().run.run({
        ...sh('echo $$ > "$1"; exec sleep 600', file),
        input: 'x'.repeat(8_000_000),
        signal: abort.signal,
      });
      const pid = await pidIn(file);
      abort.abort();
      expect(await done).toMatchObject({ exitCode: null, signal: 'SIGTERM', aborted: true });
      await gone(pid);
    });

    test('a program that ignores TERM is killed after the grace', async () => {
      const file = join(open().folder, 'stubborn');
      const abort = new AbortController();
      const done = open().run.run({
        ...sh('trap "" TERM; echo $$ >"$1"; sleep 600 & wait; sleep 600', file),
        signal: abort.signal,
      });
      await pidIn(file);
      abort.abort();
      const finished = await done;
      expect(finished).toMatchObject({ exitCode: null, signal: 'SIGKILL', aborted: true, timedOut: false });
      expect(finished.seconds).toBeLessThan(10);
    });

    test('a program that takes too long is ended, and that is told from an abort', async () => {
      const finished = await open().run.run({ program: 'sleep', args: ['600'], timeoutMs: 100 });
      expect(finished).toMatchObject({ exitCode: null, aborted: false, timedOut: true });
    });

    test('what was aborted before it began is not started', async () => {
      const file = join(open().folder, 'never');
      const finished = await open().run.run({ ...sh('touch "$1"', file), signal: AbortSignal.abort() });
      expect(finished).toMatchObject({ aborted: true, exitCode: null });
      expect(existsSync(file)).toBe(false);
    });

    test('kill ends a program whose output nobody reads', async () => {
      const running = open().run.start({ program: 'cat', args: ['/dev/zero'] });
      await new Promise((resolve) => running.stdout.once('readable', resolve));
      running.kill();
      expect(await running.done).toMatchObject({ aborted: true });
    });

    test('a program that leaves a child behind does not keep us waiting, and the child ends', async () => {
      const file = join(open().folder, 'left-behind');
      const finished = await open().run.run(sh('sleep 600 & echo $! > "$1"', file));
      expect(finished.exitCode).toBe(0);
      await gone(await pidIn(file));
    });

    test('when the worker is killed by SIGKILL its programs die, also stubborn ones and grandchildren', async () => {
      const [child, grandchild, home] = ['child', 'orphan', 'home'].map((each) => join(open().folder, each));
      const script = join(open().folder, 'worker.ts');
      const program =
        'trap "" TERM; sleep 600 & echo $! > "$2"; dirname "$KEY" > "$3"; echo $$ > "$1"; while :; do wait; done';
      const command = { ...sh(program, child ?? '', grandchild ?? '', home ?? ''), env: { KEY: { file: 'secret' } } };
      writeFileSync(
        script,
        `import { openRunner } from ${JSON.stringify(moduleUrl)};
         const run = openRunner(${JSON.stringify(open().place)}, { path: ${JSON.stringify(open().path ?? process.env['PATH'])} });
         await run.run({ ...${JSON.stringify(command)}, input: 'x'.repeat(8_000_000) });`,
      );
      const worker = spawn(process.execPath, [script], { stdio: 'ignore' });
      const pids = [await pidIn(child ?? ''), await pidIn(grandchild ?? '')];
      expect(pids.map(isAlive)).toEqual([true, true]);
      worker.kill('SIGKILL');
      for (const pid of pids) await gone(pid);
      // Locally the folder of a killed worker lies in the attempt's, which its successor sweeps.
      const left = readFileSync(home ?? '', 'utf8').trim();
      if (open().run.sameHost) rmSync(left, { recursive: true });
      else await vi.waitFor(() => expect(existsSync(left)).toBe(false), { timeout: 10_000 });
    });
  });
}

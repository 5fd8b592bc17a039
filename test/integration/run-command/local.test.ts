import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { localRunner } from '../../../src/run-command/local.ts';
import { Fault } from '../../../src/runs/fault.ts';

const run = localRunner();
const sh = (script: string, ...args: string[]) => ({ program: 'sh', args: ['-c', script, 'sh', ...args] });
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-command-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A process that is gone or only waits to be reaped: `kill -0` cannot tell a zombie from the living. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z');
}

async function pidIn(file: string): Promise<number> {
  return await vi.waitFor(
    () => {
      const pid = Number(readFileSync(file, 'utf8').trim());
      if (!pid) throw new Error('not written yet');
      return pid;
    },
    { timeout: 10_000, interval: 20 },
  );
}

async function gone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000, interval: 20 });
}

describe('how a program ended', () => {
  test.each([0, 1, 2, 126, 127, 200])('exit code %i arrives as it was', async (code) => {
    const finished = await run.run(sh(`exit ${code}`));
    expect(finished).toMatchObject({ exitCode: code, signal: null, aborted: false, timedOut: false, notFound: false });
  });

  test.each(['KILL', 'TERM', 'HUP', 'SEGV'])(
    'a program killed by SIG%s is told from one that exited',
    async (signal) => {
      const finished = await run.run(sh(`kill -${signal} $$`));
      expect(finished).toMatchObject({ exitCode: null, signal: `SIG${signal}`, aborted: false, timedOut: false });
    },
  );

  test('a program that is not installed is not found, and nothing throws', async () => {
    expect(await run.run({ program: 'no-such-program-here', args: [] })).toMatchObject({
      exitCode: null,
      notFound: true,
    });
    expect(await run.run({ program: folder, args: [] })).toMatchObject({ exitCode: null, notFound: true });
  });

  test('a missing working folder is a Fault that says nothing was started', async () => {
    const fault = await run.run({ ...sh('exit 0'), cwd: join(folder, 'nowhere') }).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(Fault);
    expect((fault as Fault).facts()).toEqual({
      code: 'command.no-folder',
      message: `There is no folder ${folder}/nowhere to run a program in.`,
      hint: 'Nothing was started. Look who removed it, then try again.',
    });
  });
});

describe('what goes in and out', () => {
  test('arguments arrive one by one, whatever they contain', async () => {
    const args = ['a b', "it's", '$HOME', '`id`', '*', '', 'new\nline', '-e', '"', '\\'];
    const finished = await run.run(sh('for each in "$@"; do printf "%s\\0" "$each"; done', ...args));
    expect(finished.stdout.split('\0').slice(0, -1)).toEqual(args);
  });

  test('standard input is handed through, as text and as a stream', async () => {
    expect((await run.run({ program: 'cat', args: [], input: 'hello' })).stdout).toBe('hello');
    const stream = Readable.from([Buffer.from('part one, '), Buffer.from('part two')]);
    expect((await run.run({ program: 'cat', args: [], input: stream })).stdout).toBe('part one, part two');
  });

  test('without input a program reads an empty one and does not hang', async () => {
    expect((await run.run({ program: 'cat', args: [], timeoutMs: 5000 })).exitCode).toBe(0);
  });

  test('a program that does not read its input fails by its own exit code', async () => {
    const finished = await run.run({ ...sh('exit 3'), input: 'x'.repeat(1_000_000) });
    expect(finished.exitCode).toBe(3);
  });

  test('50 MB of output are counted and only the ends are kept', async () => {
    const finished = await run.run({ ...sh('echo first; head -c 50000000 /dev/zero; echo last'), keep: 20 });
    expect(finished.stdoutBytes).toBe(50_000_011);
    expect(finished.stdout).toMatch(/^first\n/);
    expect(finished.stdout).toMatch(/last\n$/);
    expect(finished.stdout.length).toBeLessThan(60);
  });

  test('lines are handed over while the program runs', async () => {
    const lines: string[] = [];
    await run.run({
      ...sh('echo one; echo two >&2; printf three'),
      onLine: (stream, line) => lines.push(`${stream} ${line}`),
    });
    expect(lines.toSorted()).toEqual(['stderr two', 'stdout one', 'stdout three']);
  });

  test('a program can be talked to', async () => {
    const running = run.start({ program: 'cat', args: [] });
    running.stdin.end('to and fro');
    expect(await text(running.stdout)).toBe('to and fro');
    expect(await running.done).toMatchObject({ exitCode: 0, stdout: '' });
  });

  test('nothing of our environment leaks', async () => {
    vi.stubEnv('DECK_KONG_ADMIN_TOKEN', 'leak');
    vi.stubEnv('PGPASSWORD', 'leak');
    const finished = await run.run({ program: 'env', args: [], env: { ONE: '1' } });
    vi.unstubAllEnvs();
    const names = finished.stdout.split('\n').map((line) => line.split('=')[0] ?? '');
    // PWD, OLDPWD, SHLVL and _ are made by the shell that ties the program to us.
    expect(names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_', ''].includes(name)).toSorted()).toEqual([
      'HOME',
      'LANG',
      'ONE',
      'PATH',
      'TMPDIR',
    ]);
    const home = /^HOME=(.*)$/m.exec(finished.stdout)?.[1] ?? '';
    expect(home).not.toBe(process.env['HOME']);
    expect(home).toMatch(/kong-chatops-home-/);
    expect(existsSync(home)).toBe(false);
  });
});

describe('stopping', () => {
  test('an abort ends grandchildren too', async () => {
    const abort = new AbortController();
    const file = join(folder, 'grandchild');
    const done = run.run({ ...sh('sleep 600 & echo $! > "$1"; wait', file), signal: abort.signal });
    const pid = await pidIn(file);
    abort.abort();
    expect(await done).toMatchObject({ exitCode: null, signal: 'SIGTERM', aborted: true, timedOut: false });
    await gone(pid);
  });

  test('a program that ignores TERM is killed after the grace', async () => {
    const finished = await run.run({ ...sh('trap "" TERM; sleep 600 & wait; sleep 600'), timeoutMs: 100 });
    expect(finished).toMatchObject({ exitCode: null, signal: 'SIGKILL', aborted: false, timedOut: true });
    expect(finished.seconds).toBeLessThan(10);
  });

  test('what was aborted before it began is not started', async () => {
    const file = join(folder, 'never');
    const finished = await run.run({ ...sh('touch "$1"', file), signal: AbortSignal.abort() });
    expect(finished).toMatchObject({ aborted: true, exitCode: null });
    expect(existsSync(file)).toBe(false);
  });

  test('kill ends a program whose output nobody reads', async () => {
    const running = run.start({ program: 'cat', args: ['/dev/zero'] });
    running.kill();
    expect(await running.done).toMatchObject({ aborted: true });
  });

  test('a program that leaves a child behind does not keep us waiting, and the child ends', async () => {
    const file = join(folder, 'left-behind');
    const finished = await run.run(sh('sleep 600 & echo $! > "$1"', file));
    expect(finished.exitCode).toBe(0);
    await gone(await pidIn(file));
  });

  test('when the worker is killed by SIGKILL its programs die, also stubborn ones and grandchildren', async () => {
    const child = join(folder, 'child');
    const grandchild = join(folder, 'orphan');
    const script = join(folder, 'worker.ts');
    const module = new URL('../../../src/run-command/local.ts', import.meta.url).href;
    const program = 'trap "" TERM; sleep 600 & echo $! > "$2"; echo $$ > "$1"; while :; do wait; done';
    writeFileSync(
      script,
      `import { localRunner } from ${JSON.stringify(module)};
       await localRunner().run({ program: 'sh', args: ${JSON.stringify(['-c', program, 'sh', child, grandchild])} });`,
    );
    const worker = spawn(process.execPath, [script], { stdio: 'ignore' });
    const pids = [await pidIn(child), await pidIn(grandchild)];
    expect(pids.map(isAlive)).toEqual([true, true]);
    worker.kill('SIGKILL');
    for (const pid of pids) await gone(pid);
  });
});

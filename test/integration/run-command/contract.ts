import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { RunPlace } from '../../../src/config/schema.ts';
import type { RunCommand } from '../../../src/run-command/command.ts';
import { openRunner } from '../../../src/run-command/runner-for.ts';
import { faultOf } from '../../support/fault-of.ts';
import { stoppingContract } from './stopping-contract.ts';

export interface Place {
  readonly place: RunPlace;
  /** The PATH of client programs; this process's own when absent. */
  readonly path?: string;
  end?(): Promise<void> | void;
}

const sh = (script: string, ...args: string[]) => ({ program: 'sh', args: ['-c', script, 'sh', ...args] });

const everyArgument = (): string => execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8', maxBuffer: 1 << 26 });

/** What every way to run programs near a gateway must do. The machine that is reached is always this one. */
export function runCommandContract(name: string, open: () => Promise<Place> | Place): void {
  let where: Place;
  let run: RunCommand;
  let folder = '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'run-command-'));
    where = await open();
    run = openRunner(where.place, where);
  });
  afterAll(async () => {
    await where.end?.();
    rmSync(folder, { recursive: true, force: true });
  });

  describe(`${name}: how a program ended`, () => {
    test.each([0, 1, 2, 126, 127, 200, 255])('exit code %i arrives as it was', async (code) => {
      const finished = await run.run(sh(`exit ${code}`));
      expect(finished).toMatchObject({
        exitCode: code,
        signal: null,
        aborted: false,
        timedOut: false,
        notFound: false,
      });
    });

    test.each(['KILL', 'TERM', 'HUP', 'SEGV'])(
      'a program killed by SIG%s is told from one that exited',
      async (signal) => {
        const finished = await run.run(sh(`kill -${signal} $$`));
        expect(finished).toMatchObject({
          exitCode: null,
          signal: `SIG${signal}`,
          stderr: '',
          aborted: false,
          timedOut: false,
        });
      },
    );

    test('a program that is not installed is not found, and nothing throws', async () => {
      for (const program of ['no-such-program-here', '/no/such/program', folder])
        expect(await run.run({ program, args: [] })).toMatchObject({ exitCode: null, notFound: true });
    });

    test('a missing working folder is a Fault that says nothing was started', async () => {
      const there = run.sameHost ? '' : ` on ${run.where}`;
      expect(await faultOf(run.run({ ...sh('exit 0'), cwd: join(folder, 'nowhere') }))).toEqual({
        code: 'command.no-folder',
        message: `There is no folder ${folder}/nowhere${there} to run a program in.`,
        hint: 'Nothing was started. Look who removed it, then try again.',
        retryable: true,
      });
      expect((await run.run({ program: 'pwd', args: [], cwd: folder })).stdout).toBe(`${folder}\n`);
    });
  });

  describe(`${name}: what goes in and out`, () => {
    test('arguments arrive one by one, whatever they contain', async () => {
      const args = ['a b', "it's", '$HOME', '`id`', '*', '', 'new\nline', '-e', '"', '\\', 'ü', '!!', "''"];
      const finished = await run.run(sh('for each in "$@"; do printf "%s\\0" "$each"; done', ...args));
      expect(finished.stdout.split('\0').slice(0, -1)).toEqual(args);
    });

    test('standard input is handed through, as text and as a stream', async () => {
      expect((await run.run({ program: 'cat', args: [], input: 'hello' })).stdout).toBe('hello');
      const stream = Readable.from([Buffer.from('part one, '), Buffer.from('part two')]);
      expect((await run.run({ program: 'cat', args: [], input: stream })).stdout).toBe('part one, part two');
    });

    test('20 MB of any bytes go there and back unchanged', async () => {
      const part = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => (at * 7919) % 256));
      const running = run.start({ program: 'cat', args: [] });
      Readable.from(Array.from({ length: 20 }, () => part)).pipe(running.stdin);
      const back = createHash('sha256');
      let bytes = 0;
      for await (const chunk of running.stdout) {
        bytes += (chunk as Buffer).length;
        back.update(chunk as Buffer);
      }
      const sent = createHash('sha256');
      for (let at = 0; at < 20; at += 1) sent.update(part);
      expect(bytes).toBe(20_000_000);
      expect(back.digest('hex')).toBe(sent.digest('hex'));
      expect(await running.done).toMatchObject({ exitCode: 0, stdoutBytes: 20_000_000 });
    });

    test('without input a program reads an empty one and does not hang', async () => {
      expect((await run.run({ program: 'cat', args: [], timeoutMs: 5000 })).exitCode).toBe(0);
    });

    test('a program that does not read its input fails by its own exit code', async () => {
      const finished = await run.run({ ...sh('exit 3'), input: 'x'.repeat(3_000_000) });
      expect(finished.exitCode).toBe(3);
    });

    test('a program that stops reading its input half-way ends well', async () => {
      const finished = await run.run({ program: 'head', args: ['-c', '5'], input: 'x'.repeat(3_000_000) });
      expect(finished).toMatchObject({ exitCode: 0, stdout: 'xxxxx' });
    });

    test('50 MB of output are counted and only the ends are kept', async () => {
      const finished = await run.run({ ...sh('echo first; head -c 50000000 /dev/zero; echo last'), keep: 20 });
      expect(finished.stdoutBytes).toBe(50_000_011);
      expect(finished.stdout).toMatch(/^first\n/);
      expect(finished.stdout).toMatch(/last\n$/);
      expect(finished.stdout.length).toBeLessThan(60);
    });

    test('a program waits for whoever reads its output', async () => {
      const progress = join(folder, 'parts');
      const running = run.start(
        sh(
          `part=$(head -c 10000 /dev/zero | tr '\\0' x); i=0
           while [ $i -lt 3000 ]; do printf %s "$part"; i=$((i + 1)); echo $i >"$1"; done`,
          progress,
        ),
      );
      let before = 0;
      await vi.waitFor(
        () => {
          const now = Number(readFileSync(progress, 'utf8'));
          const stands = now > 0 && now === before;
          before = now;
          if (!stands) throw new Error('still going on');
        },
        { timeout: 10_000, interval: 300 },
      );
      expect(before).toBeLessThan(1500);
      running.stdout.resume();
      expect(await running.done).toMatchObject({ exitCode: 0, stdoutBytes: 30_000_000 });
    });

    test('lines are handed over while the program runs', async () => {
      const lines: string[] = [];
      await run.run({
        ...sh('echo one; echo two >&2; printf three'),
        onLine: (stream, line) => lines.push(`${stream} ${line}`),
      });
      expect(lines.toSorted()).toEqual(['stderr two', 'stdout one', 'stdout three']);
    });

    test('a program can be talked to, answer by answer; only its errors are handed over as lines', async () => {
      const lines: string[] = [];
      const running = run.start({
        ...sh('echo ready >&2; while read -r line; do echo "heard $line"; done'),
        onLine: (stream, line) => lines.push(`${stream} ${line}`),
      });
      for (const word of ['one', 'two', 'three']) {
        running.stdin.write(`${word}\n`);
        const answer = await new Promise((resolve) => running.stdout.once('data', resolve));
        expect(String(answer)).toBe(`heard ${word}\n`);
      }
      running.stdin.end();
      expect(await text(running.stdout)).toBe('');
      expect(await running.done).toMatchObject({ exitCode: 0, stdout: '' });
      expect(lines).toEqual(['stderr ready']);
    });
  });

  describe(`${name}: the environment`, () => {
    test('nothing of ours, and nothing of that machine, leaks', async () => {
      vi.stubEnv('DECK_KONG_ADMIN_TOKEN', 'leak');
      vi.stubEnv('PGPASSWORD', 'leak');
      const finished = await run.run({ program: 'env', args: [], env: { ONE: "1 'quoted'\nand more" } });
      vi.unstubAllEnvs();
      const names = [...finished.stdout.matchAll(/^([A-Za-z_]+)=/gm)].map(([, found]) => found ?? '');
      // PWD, OLDPWD, SHLVL and _ are made by the shell that ties the program to us.
      expect(names.filter((each) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(each)).toSorted()).toEqual([
        'HOME',
        'LANG',
        'ONE',
        'PATH',
        'TMPDIR',
      ]);
      expect(finished.stdout).toContain("ONE=1 'quoted'\nand more\n");
      const home = /^HOME=(.*)$/m.exec(finished.stdout)?.[1] ?? '';
      expect(home).not.toBe(process.env['HOME']);
      expect(home).toMatch(/\/kong-chatops-/);
      expect(existsSync(home)).toBe(false);
    });

    test('a secret goes by a file of its own that only the program sees, and is gone with it', async () => {
      const secret = `s3cr3t'$(id)\n\\ ${name}`;
      const finished = await run.run({
        ...sh('printf "%s\\n" "$KEY"; stat -c %a "$KEY"; cat "$KEY"'),
        env: { KEY: { file: secret } },
      });
      const [path = '', mode, ...content] = finished.stdout.split('\n');
      expect(mode).toBe('600');
      expect(content.join('\n')).toBe(secret);
      expect(existsSync(path)).toBe(false);
      expect(existsSync(dirname(path))).toBe(false);
    });

    test('no secret stands in a command line, here or there', async () => {
      const secret = `unspeakable-${name}`;
      const running = run.start({ program: 'cat', args: [], env: { TOKEN: secret, KEY: { file: secret } } });
      running.stdin.write(secret);
      await new Promise((resolve) => running.stdout.once('data', resolve));
      expect(everyArgument()).not.toContain(secret);
      running.stdin.end();
      await running.done;
    });
  });

  stoppingContract(name, () => ({ ...where, run, folder }));
}

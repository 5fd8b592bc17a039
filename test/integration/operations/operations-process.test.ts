import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testConfig } from '../../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../../support/store/postgres.ts';

const CLI = new URL('../../../src/cli.ts', import.meta.url).pathname;

let database: TestDatabase;
let config: ReturnType<typeof testConfig>;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  config = testConfig(database.botUrl);
  writeFileSync(config.path, `${readFileSync(config.path, 'utf8')}operations: {port: 0}\n`);
});
afterAll(async () => {
  config.remove();
  await database.drop();
});

function startProcess(...args: string[]): ChildProcess & { readonly stdout: Readable; readonly stderr: Readable } {
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const env = { ...config.env, SIGNING_KEY: key, PATH: process.env['PATH'] };
  return spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The port of the operations endpoint, from the line that says that all is up. */
async function portOf(child: { readonly stdout: Readable }): Promise<number> {
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line) as { readonly msg?: string; readonly operations?: number };
    if (entry.operations !== undefined) return entry.operations;
  }
  throw new Error('the process ended before it was up');
}

describe('a worker process', () => {
  it('is ready, counts, and stops with 0 when it is told to', async () => {
    const child = startProcess('start', '--only', 'worker');
    const exited = once(child, 'exit');
    const port = await portOf(child);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      ready: true,
      parts: { database: { state: 'ok' }, queue: { state: 'ok' }, listener: { state: 'ok' } },
    });
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toContain('kong_chatops_last_verified_backup_age_seconds{gateway="production"} +Inf');
    expect(metrics).toContain('kong_chatops_active_runs 0');
    expect(metrics).toContain('kong_chatops_metric_source_up{source="queue"} 1');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('that cannot start says why and ends with 2', async () => {
    const child = startProcess('start', '--only', 'bot');
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    expect(await once(child, 'exit')).toEqual([2, null]);
    expect(err).toContain('SLACK_BOT_TOKEN\n    found:   nothing');
  });
});

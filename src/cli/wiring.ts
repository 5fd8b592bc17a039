import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Pool } from 'pg';
import type { CliPorts } from './ports.ts';

/**
 * The command line's ports on the real thing. Each part is loaded when it is needed: `config check` and `--help` answer
 * without waiting for Slack's and BullMQ's libraries.
 */
export const realPorts: CliPorts = {
  connect: async (config, log) => await (await import('../main.ts')).connect(config, log),
  start: async (config, options, log) => {
    keepSmall();
    const running = await (await import('../main.ts')).start(config, options, log);
    giveBack();
    return running;
  },
  migrate: async (urls) => await (await import('../postgres/migrate.ts')).migrate(urls),
  verifyDatabase: async (url, options) => {
    const { verifyDatabase } = await import('../audit/verify.ts');
    return await withPool(url, async (pool) => await verifyDatabase(pool, options));
  },
  verifyExport: async (input, options) => await (await import('../audit/verify.ts')).verifyExport(input, options),
  exportTrail: async (url, to) => {
    const { exportTrail } = await import('../audit/export.ts');
    // Standard output is not ours to close.
    await withPool(url, async (pool) => await pipeline(exportTrail(pool), to, { end: to !== process.stdout }));
  },
  checks: async (input) => (await import('./doctor/checks.ts')).doctorChecks(input),
};

/**
 * A bot idles most of its life: V8 is told to give memory back rather than to keep it for speed (175 MB resident become
 * 130, bench/memory.ts). Said from within, before the libraries are loaded, so that no way to start it needs flags.
 */
function keepSmall(): void {
  setFlagsFromString('--optimize-for-size');
}

/**
 * What loading the libraries left behind: an idle process collects no garbage by itself. `last-resort` also returns the
 * empty pages; it takes a tenth of a second, once, and 10 MB of the first start's 151 go with it.
 */
function giveBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: string; execution: string; flavor: string }) => void;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

async function withPool<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  const { createPool } = await import('../postgres/pool.ts');
  // What a lost connection breaks is the statement that was on it, and that one rejects.
  const pool = createPool({ url, applicationName: 'kong-chatops cli', max: 2, onError: () => undefined });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

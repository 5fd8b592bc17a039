import { pipeline } from 'node:stream/promises';
import type { Pool } from 'pg';
import { giveBack, collectAlone } from '../heap.ts';
import type { CliPorts } from './ports.ts';

/**
 * The command line's ports on the real thing. Each part is loaded when it is needed: `config check` and `--help` answer
 * without waiting for Slack's and BullMQ's libraries.
 */
export const realPorts: CliPorts = {
  connect: async (config, log) => await (await import('../main.ts')).connect(config, log),
  start: async (config, options, log) => {
    if (options.queues.some((queue) => queue !== 'publish')) collectAlone();
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

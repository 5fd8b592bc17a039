import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openServer, type DatabaseServer } from '../../kong/database/database-admin.ts';
import type { DatabaseConfig } from '../../kong/database/database.ts';
import { findPsql } from '../../kong/dump/tools.ts';
import type { RunCommand } from '../../run-command/command.ts';

/** Looks at a database's server from another database of it, `maintenance`. Throws a Fault (`database.…`, `psql.…`). */
export async function beside<T>(
  run: RunCommand,
  database: DatabaseConfig,
  { password, maintenance }: { readonly password: string | undefined; readonly maintenance: string },
  look: (server: DatabaseServer) => Promise<T>,
): Promise<T> {
  const workDir = await mkdtemp(join(tmpdir(), `kong-chatops-doctor-${process.pid}-`));
  try {
    const access = { password, applicationName: 'kong-chatops doctor', workDir, psql: await findPsql(run) };
    const server = await openServer(run, database, { ...access, maintenance });
    try {
      return await look(server);
    } finally {
      await server.close();
    }
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

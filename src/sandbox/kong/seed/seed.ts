import { Pool } from 'pg';
import { KongRefusal } from '../admin/answer.ts';
import { startNode } from '../admin/node.ts';
import { route } from '../admin/router.ts';
import type { Version } from '../version.ts';
import { gateway, type SeedSize } from './gateway.ts';

/**
 * Fills a Kong-shaped database with a believable gateway, through the same rules as the Admin API, so that defaults,
 * hashes and cache keys are what Kong would have stored. Putting it twice changes nothing but `updated_at`, except
 * that passwords are hashed anew from the same text. Returns how many entities were put.
 */
export async function seedKong(databaseUrl: string, size: SeedSize, version: Version = '3.9.1'): Promise<number> {
  const pool = new Pool({ connectionString: databaseUrl, application_name: 'stand-in kong seed', max: 1 });
  try {
    const node = await startNode(pool, version, 'community', '/usr/local/kong');
    let count = 0;
    for (const { path, body } of gateway(size, version)) {
      const { status, body: answer } = await route(node, {
        method: 'PUT',
        path,
        query: new URLSearchParams(),
        body,
        workspace: node.workspace,
      });
      if (status !== 200)
        throw new Error(`seeding /${path.join('/')} was answered ${status}: ${JSON.stringify(answer)}`);
      count += 1;
    }
    return count;
  } catch (error) {
    if (error instanceof KongRefusal)
      throw new Error(`seeding was refused: ${JSON.stringify(error.answer)}`, { cause: error });
    throw error;
  } finally {
    await pool.end();
  }
}

import { Readable } from 'node:stream';
import type { StepContext } from '../../engine/ports.ts';
import type { DatabaseEnvironment } from '../../kong/database/database.ts';
import { dumpGlobals, findDumpAll } from '../../kong/dump/globals.ts';
import type { Tool } from '../../kong/dump/tools.ts';
import type { Gap } from '../../runbooks/backup.ts';
import type { StepDeps } from '../deps.ts';
import { refOf } from '../deps.ts';
import { secondsBetween, stageArtifact } from './staged.ts';

export const GLOBALS_NAME = 'globals.sql';

/** Roles and tablespaces of the server, where the gateway asks for them; answers the gap where the role may not. */
export async function saveGlobals(
  deps: StepDeps,
  context: StepContext,
  { pgDump, env }: { readonly pgDump: Tool; readonly env: DatabaseEnvironment },
): Promise<readonly Gap[]> {
  if (deps.gateway.database?.globals !== true) return [];
  const began = performance.now();
  const pgDumpAll = await findDumpAll(deps.runner, pgDump);
  const taken = await dumpGlobals(deps.runner, { pgDumpAll, env, signal: context.signal });
  if ('why' in taken) return [notTaken(taken.why)];
  const artifact = {
    kind: 'globals' as const,
    tool: 'pg_dumpall',
    toolVersion: pgDumpAll.version,
    seconds: secondsBetween(began, performance.now()),
    facts: { roles: taken.sql.match(/^CREATE ROLE /gm)?.length ?? 0 },
  };
  await stageArtifact(
    deps,
    { ref: refOf(context.run), signal: context.signal },
    {
      name: GLOBALS_NAME,
      compress: false,
      source: Readable.from([Buffer.from(taken.sql)], { objectMode: false }),
      describe: () => ({ artifact, gaps: [] }),
    },
  );
  return [];
}

function notTaken(why: string): Gap {
  return {
    kind: 'globals',
    count: null,
    what: 'Roles and tablespaces of the database server are not in the set',
    why: `pg_dumpall could not read them: ${why}`,
  };
}

import type { Step, StepContext } from '../../engine/ports.ts';
import { identifier } from '../../kong/database/database-admin-sql.ts';
import type { SwapNames } from '../../kong/database/database-admin.ts';
import { Fault } from '../../runs/fault.ts';
import { configuredDatabase } from '../gateway-access.ts';
import { workerDiskFull } from '../worker-disk.ts';
import { namesOf } from './deps.ts';
import type { RestoreDeps } from './deps.ts';
import { endPredecessors, withServer } from './server-access.ts';

/** Removes the database that was live before the restore. People asked for it and typed the gateway's name. */
export function dropKept(deps: RestoreDeps): Step {
  return dropping(deps, 'kept');
}

/** Removes the restored copy, when the restore did not get as far as the swap or was taken back. */
export function dropScratch(deps: RestoreDeps): Step {
  return dropping(deps, 'scratch');
}

function dropping(deps: RestoreDeps, which: 'kept' | 'scratch'): Step {
  return {
    takeOver: (context) => endPredecessors(deps, context),
    check: async (context) => {
      const name = nameOf(deps, context)[which];
      const rows = await orNamed(
        name,
        withServer(deps, context, (server) => server.databases([name])),
      );
      return name in rows ? null : { dropped: name };
    },
    apply: async (context) => {
      const names = nameOf(deps, context);
      const dropping = withServer(deps, context, async (server) => {
        // Sessions of a pg_restore that somebody killed.
        await server.endSessions(`kong-chatops ${context.run.id}/restore-scratch/`);
        const isLive = names.live in (await server.databases([names.live]));
        if (isLive) await server.drop(names[which]);
        return isLive;
      });
      if (!(await orNamed(names[which], dropping))) throw nothingLive(names, which);
    },
  };
}

/** Whoever reads that a database could not be removed must learn which one: it fills the disk of a server until then. */
export async function orNamed<T>(name: string, removing: Promise<T>): Promise<T> {
  try {
    return await removing;
  } catch (error) {
    const fault = error instanceof Fault ? error : workerDiskFull(error, 'before it was removed');
    if (fault === null) throw error;
    throw new Fault(
      fault.code,
      `The database ${name} may still be there. ${fault.message}`,
      `${fault.hint} If nothing removes it, do so by hand: DROP DATABASE ${identifier(name)}`,
      { cause: error, retryable: fault.retryable },
    );
  }
}

function nameOf(deps: RestoreDeps, { run }: StepContext): SwapNames {
  return namesOf(run, configuredDatabase(deps));
}

/** Whatever came to pass: while the gateway has no database, no copy of it is removed. */
function nothingLive(names: SwapNames, which: 'kept' | 'scratch'): Fault {
  return new Fault(
    'drop.nothing-live',
    `There is no database ${names.live}, so ${names[which]} was not removed.`,
    `Look what ${names[which]} holds; rename it to ${names.live} or restore a set, then remove it by hand.`,
  );
}

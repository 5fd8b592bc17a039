import type { Step, StepContext } from '../../engine/ports.ts';
import { identifier } from '../../kong/database/database-admin-sql.ts';
import type { DatabaseServer, SwapNames } from '../../kong/database/database-admin.ts';
import { Fault } from '../../runs/fault.ts';
import { configuredDatabase } from '../gateway-access.ts';
import { workerDiskFull } from '../worker-disk.ts';
import { namesOf } from './deps.ts';
import type { RestoreDeps } from './deps.ts';
import { areSettingsLeft, removeSettings } from './fallback/settings-folder.ts';
import { endPredecessors, withServer } from './server-access.ts';

/** Removes the database that was live before the restore. People asked for it and typed the gateway's name. */
export function dropKept(deps: RestoreDeps): Step {
  return dropping(deps, 'kept');
}

/**
 * Removes the restored copy, when the restore did not get as far as the swap or was taken back; and the settings that a
 * worker left which died while it built a fresh one.
 */
export function dropScratch(deps: RestoreDeps): Step {
  const drop = dropping(deps, 'scratch');
  return {
    ...drop,
    check: async (context) => ((await areSettingsLeft(deps, context)) ? null : await drop.check(context)),
    apply: async (context) => {
      if (await areSettingsLeft(deps, context)) await removeSettings(deps, context);
      await drop.apply(context);
    },
  };
}

function dropping(deps: RestoreDeps, which: 'kept' | 'scratch'): Step {
  return {
    takeOver: (context) => endPredecessors(deps, context),
    check: async (context) => {
      const name = nameOf(deps, context)[which];
      const rows = await orNamed(
        name,
        withServer(deps, context, async (server) => {
          // A statement of a killed worker may still be making the very database.
          if (which === 'scratch') await endFilling(server, context);
          return await server.databases([name]);
        }),
      );
      return name in rows ? null : { dropped: name };
    },
    apply: async (context) => {
      const names = nameOf(deps, context);
      const dropping = withServer(deps, context, async (server) => {
        const isLive = names.live in (await server.databases([names.live]));
        if (isLive) await server.drop(names[which]);
        return isLive;
      });
      if (!(await orNamed(names[which], dropping))) throw nothingLive(names, which);
    },
  };
}

/** Ends sessions of whoever filled the copy and was killed. */
async function endFilling(server: DatabaseServer, { run }: StepContext): Promise<void> {
  for (const { id } of run.plan.steps.filter(({ id }) => FILLING.includes(id)))
    await server.endSessions(`kong-chatops ${run.id}/${id}/`);
}

const FILLING: readonly string[] = ['restore-scratch', 'rebuild-scratch'];

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

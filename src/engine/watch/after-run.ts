import type { Run } from '../../runs/run.ts';
import type { WatchState } from '../../schedules/fold.ts';
import type { Schedule } from '../../schedules/schedule.ts';
import type { WatchDeps } from './deps.ts';
import type { WatchedGateway } from './ports.ts';
import { Fault } from '../../runs/fault.ts';
import { scheduleRequester } from '../../schedules/schedule.ts';
import { expireSets } from './expire.ts';

/** How long the watcher outside is tried. */
const PATIENCE_MS = 6 * 3_600_000;

/**
 * What follows a good scheduled run: the watcher outside is told, at least once (told twice it does no harm, told never it
 * would raise a false alarm), and old sets are looked through by one bot.
 */
export async function afterRun(
  deps: WatchDeps,
  gateway: WatchedGateway,
  schedule: Schedule,
  state: WatchState,
): Promise<void> {
  const [index] = await deps.store.findRuns({ person: scheduleRequester(schedule.id), limit: 1 });
  const good = schedule.kind === 'backup' ? index?.verifiedAt : index?.restoredAt;
  const run = index === undefined || typeof good !== 'string' ? null : await deps.folds.of(index);
  if (run?.outcome !== 'succeeded') return;
  if (!state.told.has(run.id)) await tell(deps, schedule, run);
  if (schedule.kind === 'backup' && !state.lookedThrough.has(run.id)) await lookThrough(deps, gateway, run);
}

async function tell(deps: WatchDeps, { id }: Schedule, run: Run): Promise<void> {
  if (deps.clock().getTime() - Date.parse(run.endedAt ?? run.requestedAt) > PATIENCE_MS) return;
  const telling = deps.ports.heartbeat(id);
  if (telling === null) return;
  const record = async (told: boolean, why: string, key: string): Promise<void> => {
    await deps.watchLog.record(
      { type: 'schedule.heartbeat', data: { schedule: id, run: run.id, told, why } },
      deps.self,
      key,
    );
  };
  try {
    await telling;
    await record(true, '', `heartbeat/${run.id}`);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    await record(false, error.message, `heartbeat/${run.id}/failed`);
  }
}

async function lookThrough(deps: WatchDeps, gateway: WatchedGateway, run: Run): Promise<void> {
  if (gateway.destinations.every(({ keep }) => keep === null)) return;
  const data = { gateway: gateway.name, after: run.id };
  const mine = await deps.watchLog.record({ type: 'backup.retention', data }, deps.self, `retention/${run.id}`);
  if (mine) await expireSets(deps, gateway, { after: run.id, by: deps.self });
}

import type { WatchState } from '../../schedules/fold.ts';
import type { WatchDeps } from './deps.ts';
import type { Watch, WatchedGateway } from './ports.ts';
import { alarmChanges, isOn } from '../../schedules/alarms.ts';
import { findAlarms } from '../../schedules/find-alarms.ts';
import { afterRun } from './after-run.ts';
import { answerOwed } from './fire.ts';
import { factsOf, schedulesOf } from './look.ts';

/** Looks at the clock and the log: starts what is due, follows what ended, raises and clears alarms. */
export function createWatch(deps: WatchDeps): Watch {
  const { gateways } = deps.ports;
  let adopted = false;
  const tick = async (): Promise<void> => {
    // Once a process: two versions of the configuration side by side must not take turns.
    if (!adopted) await adopt(deps);
    adopted = true;
    for (const gateway of gateways) {
      for (const schedule of gateway.schedules) {
        await calmly(deps, schedule.id, async () => await answerOwed(deps, schedule, await deps.watchLog.state()));
        await calmly(
          deps,
          schedule.id,
          async () => await afterRun(deps, gateway, schedule, await deps.watchLog.state()),
        );
      }
    }
    await judge(deps);
  };
  return {
    tick,
    of: async (name) => {
      const state = await deps.watchLog.state();
      const gateway = gateways.find((known) => known.name === name);
      const schedules = gateway === undefined ? [] : await schedulesOf(deps, gateway, state, deps.clock());
      const alarms = [...state.alarms.values()].filter((one) => isOn(one) && one.gateway === name);
      return { schedules, alarms, holds: [...state.holds.values()].filter((one) => one.gateway === name) };
    },
    alarms: async () => [...(await deps.watchLog.state()).alarms.values()],
    record: (event, key) => deps.watchLog.record(event, deps.self, key),
    channelOf: (name) => gateways.find((gateway) => gateway.name === name)?.channel ?? null,
  };
}

/** One schedule's trouble keeps no other from its time. */
async function calmly(deps: WatchDeps, schedule: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    deps.log.warn({ error, schedule }, 'a schedule could not be looked at; the next look tries again');
  }
}

/** A timing that is not the one in force counts from now on: nobody is owed its past. */
async function adopt(deps: WatchDeps): Promise<void> {
  const state = await deps.watchLog.state();
  for (const { id, cron, zone } of deps.ports.gateways.flatMap(({ schedules }) => schedules)) {
    const known = state.adopted.get(id);
    if (known?.cron === cron && known.zone === zone) continue;
    const since = deps.clock().toISOString();
    const data = { schedule: id, cron, zone, since, configDigest: deps.configDigest };
    // Two bots that start together find the same predecessor, and one of them records what follows it.
    const key = `schedule/${id}/after/${known === undefined ? 'nothing' : `${known.cron} ${known.zone} ${known.since}`}`;
    await deps.watchLog.record({ type: 'schedule.adopted', data }, deps.self, key);
  }
}

async function judge(deps: WatchDeps): Promise<void> {
  const state = await deps.watchLog.state();
  const now = deps.clock();
  const findings = await Promise.all(deps.ports.gateways.map((gateway) => findingsOf(deps, gateway, state, now)));
  for (const { key, event } of alarmChanges(state.alarms, findings.flat())) {
    await deps.watchLog.record(event, deps.self, key);
  }
}

async function findingsOf(deps: WatchDeps, gateway: WatchedGateway, state: WatchState, now: Date) {
  return findAlarms(await factsOf(deps, gateway, state, now), now);
}

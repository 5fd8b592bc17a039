import type { Run } from '../../runs/run.ts';
import type { WatchState } from '../../schedules/fold.ts';
import type { GatewayFacts } from '../../schedules/find-alarms.ts';
import type { Schedule, ScheduleAnswer, ScheduleHistory, ScheduleState } from '../../schedules/schedule.ts';
import type { WatchDeps } from './deps.ts';
import type { WatchedGateway } from './ports.ts';
import { nowhere, type Gap } from '../../runbooks/backup.ts';
import { lastVerifiedBackup } from '../last-verified.ts';
import { indexOf } from '../../runs/run-index.ts';
import { nextOf, owedBy } from '../../schedules/due.ts';
import { scheduleRequester } from '../../schedules/schedule.ts';

/** What a schedule has come to: since when it is in force, and its newest answer, a run or a refusal. */
export async function historyOf(
  deps: Pick<WatchDeps, 'store' | 'folds'>,
  schedule: Schedule,
  state: WatchState,
  now: Date,
): Promise<ScheduleHistory> {
  const since = state.adopted.get(schedule.id)?.since ?? now.toISOString();
  const [index] = await deps.store.findRuns({ person: scheduleRequester(schedule.id), limit: 1 });
  const run = index === undefined ? null : await deps.folds.of(index);
  return { since, last: newer(run === null ? null : answerOf(run), state.refused.get(schedule.id) ?? null) };
}

function answerOf(run: Run): ScheduleAnswer | null {
  if (run.schedule === undefined) return null;
  const verified = indexOf(run, run.requestedAt);
  const outcome = run.outcome ?? null;
  const good = verified.verifiedAt !== null || (run.kind === 'drill' && outcome === 'succeeded');
  return { due: run.schedule.due, run: { id: run.id, outcome, verified: good } };
}

function newer(a: ScheduleAnswer | null, b: ScheduleAnswer | null): ScheduleAnswer | null {
  if (a === null || b === null) return a ?? b;
  return a.due >= b.due ? a : b;
}

/** Where the schedules of a gateway stand now. */
export async function schedulesOf(
  deps: Pick<WatchDeps, 'store' | 'folds'>,
  gateway: WatchedGateway,
  state: WatchState,
  now: Date,
): Promise<readonly ScheduleState[]> {
  return await Promise.all(
    gateway.schedules.map(async (schedule) => {
      const history = await historyOf(deps, schedule, state, now);
      const owed = owedBy(schedule, history, now)?.due.toISOString() ?? null;
      const waiting = state.waiting.get(schedule.id);
      return {
        ...schedule,
        ...history,
        next: nextOf(schedule, now)?.toISOString() ?? null,
        owed,
        waitsFor: waiting !== undefined && waiting.due === owed ? waiting.message : null,
      };
    }),
  );
}

/** Everything that the alarms of a gateway are judged by, from the log alone. */
export async function factsOf(
  deps: Pick<WatchDeps, 'store' | 'folds'>,
  gateway: WatchedGateway,
  state: WatchState,
  now: Date,
): Promise<GatewayFacts> {
  const [schedules, last, proven] = await Promise.all([
    schedulesOf(deps, gateway, state, now),
    lastVerifiedBackup(deps.store, gateway.name),
    deps.store.provenSets(gateway.name),
  ]);
  const run = last === null ? null : await deps.folds.of(last);
  const drills = proven.flatMap(({ restoredAt }) => (restoredAt === null ? [] : [restoredAt])).toSorted();
  return {
    gateway: gateway.name,
    rules: gateway.rules,
    schedules,
    lastVerifiedAt: last?.verifiedAt ?? null,
    lastVerifiedSet: last?.setId ?? null,
    lastDrilledAt: drills.at(-1) ?? null,
    missingFrom: run === null ? [] : missingFrom(run, gateway),
    gaps: run === null ? [] : gapsOf(run),
  };
}

function missingFrom(run: Run, gateway: WatchedGateway): readonly string[] {
  const places = run.steps['verify-set']?.outputs?.['places'];
  if (!Array.isArray(places)) return [];
  const reached = places.map((place) => (place as { readonly destination?: unknown } | null)?.destination);
  return gateway.destinations.map(({ name }) => name).filter((name) => !reached.includes(name));
}

function gapsOf(run: Run): GatewayFacts['gaps'] {
  const gaps = run.steps['publish-set']?.outputs?.['gaps'];
  return Array.isArray(gaps) ? nowhere(gaps as readonly unknown[] as readonly Gap[]).filter(isOfData) : [];
}

/** A destination that was missed has an alarm of its own. */
function isOfData({ kind }: Gap): boolean {
  return kind !== 'destinations';
}

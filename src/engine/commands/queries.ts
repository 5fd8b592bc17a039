import type { Caller } from '../../runs/person.ts';
import type { JsonObject } from '../../runs/json.ts';
import type { RunIndex } from '../../runs/log.ts';
import type { Run } from '../../runs/run.ts';
import type { GatewayStatus, HomeAnswer, LastBackup, ListedSet, Operations, RestoreWays, RunFilter } from '../ports.ts';
import type { EngineGateway, OperationsDeps } from './operations-deps.ts';
import type { Watch } from '../watch/ports.ts';
import type { WatchLog } from '../watch/watch-log.ts';
import { locksGateway } from '../../runs/run-index.ts';
import { nowhere, type Gap } from '../../runbooks/backup.ts';
import { mayVote } from '../../runs/rules/approval.ts';
import { fold } from '../../runs/evolve.ts';
import { openGate } from '../../runs/rules/gate.ts';
import { holds } from '../../runs/person.ts';
import { refuse } from '../../runs/refusal.ts';
import { mayNot } from './rights.ts';
import { setsOf } from './list-sets.ts';
import { unknownGateway } from './operations-deps.ts';

type Queries = Pick<Operations, 'run' | 'status' | 'audit' | 'home' | 'listSets'>;

type LogDeps = OperationsDeps & { readonly watchLog: Pick<WatchLog, 'state'> };
type QueryDeps = LogDeps & { readonly watch: Pick<Watch, 'of'> };

/** The questions that change nothing. Who may not see gets a refusal, and a row that says so. */
export function createQueries(given: LogDeps, watch: Pick<Watch, 'of'>): Queries {
  const deps = { ...given, watch };
  return {
    run: async (runId) => {
      const [events, progress] = await Promise.all([deps.store.load(runId), deps.board.read(runId)]);
      const run = fold(events);
      return run === null ? null : { run, events, progress };
    },
    status: async (by, gateway) => {
      const refusal = await mayNot(deps, { act: 'see the status', roles: ['viewer'] }, by);
      if (refusal !== null) return { ok: false, refusal };
      const known = deps.gateways.filter(({ name }) => gateway === undefined || name === gateway);
      if (known.length === 0) return { ok: false, refusal: unknownGateway(deps, gateway ?? '') };
      return { ok: true, gateways: await statusOf(deps, known) };
    },
    audit: async (query, by) => {
      const refusal = await mayNot(deps, { act: 'read the audit trail', roles: ['viewer'] }, by);
      if (refusal !== null) return { ok: false, refusal };
      const rows = await deps.readAudit({ ...query, limit: query.limit + 1 });
      return { ok: true, rows: rows.slice(0, query.limit), more: rows.length > query.limit };
    },
    home: (by) => home(deps, by),
    listSets: async (gateway, by) => {
      const refusal = await mayNot(deps, { act: 'see the backups', roles: ['viewer'] }, by);
      if (refusal !== null) return { ok: false, refusal };
      const known = deps.gateways.find(({ name }) => name === gateway);
      if (known === undefined) return { ok: false, refusal: unknownGateway(deps, gateway) };
      const [sets, ways] = await Promise.all([heldSetsOf(deps, gateway), waysOf(deps, known, by)]);
      return { ok: true, sets, ways };
    },
  };
}

/** The sets, each with the hold that somebody has on it. */
async function heldSetsOf(deps: LogDeps, gateway: string): Promise<readonly ListedSet[]> {
  const [sets, { holds }] = await Promise.all([setsOf(deps, gateway), deps.watchLog.state()]);
  return sets.map((set) => {
    const hold = holds.get(set.set);
    return hold === undefined ? set : { ...set, hold };
  });
}

async function waysOf(deps: OperationsDeps, { name, restore }: EngineGateway, by: Caller): Promise<RestoreWays> {
  const standing = await deps.people.standing(by.person);
  const none = refuse('no-restore', `The configuration gives the bot no way to restore ${name}`, 'Add its database');
  return {
    strategies: restore?.strategies ?? [],
    noDrill: restore === undefined ? none : restore.noDrill,
    mayAsk: holds(standing, 'operator'),
    mayBreakGlass: holds(standing, 'admin'),
  };
}

async function statusOf(deps: QueryDeps, known: readonly EngineGateway[]): Promise<GatewayStatus[]> {
  const latest = await foldAll(deps, await deps.store.latestRuns());
  return await Promise.all(
    known.map(async ({ name, environment }) => {
      const own = latest.filter((run) => run.plan.gateway === name);
      const ended = own.filter((run) => run.outcome !== undefined);
      const last = ended.map(lastBackup).find((backup) => backup?.state === 'verified') ?? null;
      return {
        gateway: name,
        environment,
        lastVerified: last === null ? null : await withDrill(deps, name, last),
        lastEnded: ended[0] ?? null,
        locked: ended.find(locksGateway) ?? null,
        active: own.filter((run) => run.outcome === undefined),
        ...(await deps.watch.of(name)),
      };
    }),
  );
}

/** A set that a drill restored says so: no other proof is as good. */
async function withDrill(deps: OperationsDeps, gateway: string, last: LastBackup): Promise<LastBackup> {
  const proven = await deps.store.provenSets(gateway);
  const restoredAt = proven.find(({ set }) => set === last.set)?.restoredAt ?? null;
  return restoredAt === null ? last : { ...last, state: 'restored', restoredAt };
}

/**
 * The backup that a run left, from its outputs; null when it left none. One that failed or was cancelled is none, nor is
 * the safety backup of a restore: it holds what the restore was to get rid of.
 */
function lastBackup(run: Run): LastBackup | null {
  const published = run.steps['publish-set'];
  if (run.kind !== 'backup' || run.outcome !== 'succeeded' || published?.status !== 'succeeded') return null;
  const verified = run.steps['verify-set'];
  const isVerified = verified?.status === 'succeeded';
  return {
    runId: run.id,
    state: isVerified ? 'verified' : 'finished',
    at: (isVerified ? verified : published).endedAt ?? run.requestedAt,
    ...publishedFacts(published.outputs ?? {}),
  };
}

function publishedFacts({ bytes, gaps, set }: JsonObject): Pick<LastBackup, 'bytes' | 'gaps' | 'set'> {
  return {
    bytes: typeof bytes === 'number' ? bytes : 0,
    gaps: Array.isArray(gaps) ? nowhere(gaps as readonly Gap[]).length : null,
    ...(typeof set === 'string' ? { set } : {}),
  };
}

async function home(deps: QueryDeps, by: Caller): Promise<HomeAnswer> {
  const [person, running, recent, gateways] = await Promise.all([
    deps.people.standing(by.person),
    runs(deps, { active: true, limit: 20 }),
    runs(deps, { active: false, limit: 8 }),
    statusOf(deps, deps.gateways),
  ]);
  if (!holds(person, 'viewer')) return { person, waitingForYou: [], running: [], recent: [], gateways: [] };
  const waitingForYou = running.filter((run) => {
    const gate = openGate(run);
    return (
      gate !== undefined &&
      run.requestedBy !== by.person &&
      mayVote(gate.policy.requirements, person) &&
      !gate.votes.some((vote) => vote.person === by.person)
    );
  });
  return { person, waitingForYou, running, recent, gateways };
}

async function runs(deps: OperationsDeps, filter: RunFilter): Promise<Run[]> {
  return await foldAll(deps, await deps.store.findRuns(filter));
}

async function foldAll(deps: OperationsDeps, found: readonly RunIndex[]): Promise<Run[]> {
  const folded = await Promise.all(found.map((index) => deps.folds.of(index)));
  return folded.filter((run) => run !== null);
}

import { setTimeout as pause } from 'node:timers/promises';
import type { Step, StepContext } from '../../engine/ports.ts';
import type { DatabaseRow, DatabaseServer, OpenSession, SwapNames } from '../../kong/database/database-admin.ts';
import type { SwapOutputs } from '../../runbooks/restore.ts';
import { Fault } from '../../runs/fault.ts';
import { configuredDatabase } from '../gateway-access.ts';
import { some } from '../words.ts';
import { namesOf } from './deps.ts';
import type { RestoreDeps } from './deps.ts';
import { observeLive } from './preview-change.ts';
import { endPredecessors, withServer } from './server-access.ts';
import { liveInWords, strangeNames, swapStateOf } from './swap-state.ts';

/**
 * Puts the restored database in the place of the live one, by renaming, in the order that was measured on a real Kong:
 * no new connections, end the open ones, rename both in one transaction, admit connections again. Whenever the worker
 * dies, the gateway's database is the old one or the restored one, whole.
 */
export function swapDatabase(deps: RestoreDeps): Step {
  return {
    observe: (context) => observeLive(deps, context),
    takeOver: (context) => takeOver(deps, context),
    check: (context) => swapped(deps, context, 'after'),
    apply: (context) => swapOrReopen(deps, context, 'after'),
  };
}

/** The same back: what was kept is live again, the restored one lies beside it. Harmless when nothing was swapped. */
export function swapBack(deps: RestoreDeps): Step {
  return {
    takeOver: (context) => takeOver(deps, context),
    check: (context) => swapped(deps, context, 'before'),
    apply: (context) => swapOrReopen(deps, context, 'before'),
  };
}

/** A predecessor may have died with the live database closed: nobody waits for this step before it is open again. */
async function takeOver(deps: RestoreDeps, context: StepContext): Promise<void> {
  await endPredecessors(deps, context);
  await reopen(deps, context);
}

async function reopen(deps: RestoreDeps, context: StepContext): Promise<void> {
  const names = namesOf(context.run, configuredDatabase(deps));
  await withServer(deps, context, (server) => openClosed(server, names));
}

async function openClosed(server: DatabaseServer, names: SwapNames): Promise<void> {
  for (const [name, { open }] of Object.entries(await look(server, names))) {
    if (!open) await server.allowConnections(name, true);
  }
}

type Goal = 'after' | 'before';
type Rows = Readonly<Record<string, DatabaseRow>>;

async function look(server: DatabaseServer, names: SwapNames): Promise<Rows> {
  return await server.databases([names.live, names.scratch, names.kept]);
}

/** Outputs when the wanted database is live and takes connections; null when not yet. */
async function swapped(deps: RestoreDeps, context: StepContext, goal: Goal): Promise<SwapOutputs | null> {
  const names = namesOf(context.run, configuredDatabase(deps));
  const rows = await withServer(deps, context, (server) => look(server, names));
  const state = swapStateOf(names, rows);
  const reached = state === goal || (goal === 'before' && state === 'nothing-restored');
  if (!reached || rows[names.live]?.open !== true) return null;
  const beside = goal === 'after' ? names.kept : names.scratch;
  if (rows[beside]?.open === false) return null;
  return { live: names.live, kept: beside in rows ? beside : '', swappedAt: deps.clock().toISOString() };
}

/** An abort (a stop of the worker, a rollback) takes the session with it: a new one opens what was closed. */
async function swapOrReopen(deps: RestoreDeps, context: StepContext, goal: Goal): Promise<void> {
  try {
    await swap(deps, context, goal);
  } catch (error) {
    const shortly = AbortSignal.timeout(REOPEN_MS);
    // Whoever takes this step over opens it as well: the abort itself is what is to be told.
    if (context.signal.aborted) await reopen(deps, { ...context, signal: shortly }).catch(() => undefined);
    throw error;
  }
}

/** Shorter than what a stop leaves to running steps. */
const REOPEN_MS = 5000;

async function swap(deps: RestoreDeps, context: StepContext, goal: Goal): Promise<void> {
  const names = namesOf(context.run, configuredDatabase(deps));
  await withServer(deps, context, async (server) => {
    const rows = await look(server, names);
    const patience = { names, signal: context.signal, seconds: deps.gateway.restore.connections_seconds };
    await (goal === 'after' ? forward(server, rows, patience) : back(server, rows, patience));
    // A predecessor may have died between the rename and this, or closed the live one and gone no further.
    await openClosed(server, names);
  });
}

interface Patience {
  readonly names: SwapNames;
  readonly signal: AbortSignal;
  readonly seconds: number;
}

async function forward(server: DatabaseServer, rows: Rows, patience: Patience): Promise<void> {
  const { names } = patience;
  switch (swapStateOf(names, rows)) {
    case 'after':
      return;
    case 'before':
      return await trade(server, patience, names.kept, names.scratch);
    case 'missing':
    case 'between':
      return await server.rename([{ from: names.scratch, to: names.live, open: true }]);
    default:
      throw strangeNames(names, rows);
  }
}

async function back(server: DatabaseServer, rows: Rows, patience: Patience): Promise<void> {
  const { names } = patience;
  switch (swapStateOf(names, rows)) {
    case 'before':
    case 'nothing-restored':
      return;
    case 'after':
      if (!(names.kept in rows)) throw nothingToGoBackTo(names);
      return await trade(server, patience, names.scratch, names.kept);
    case 'between':
      return await server.rename([{ from: names.kept, to: names.live, open: true }]);
    case 'missing':
      throw nothingToGoBackTo(names);
    default:
      throw strangeNames(names, rows);
  }
}

/** The live one gets the name `aside`, and `from` becomes the live one. On failure the live one is open again. */
async function trade(server: DatabaseServer, patience: Patience, aside: string, from: string): Promise<void> {
  const { live } = patience.names;
  await server.allowConnections(live, false);
  try {
    await renameWhenEmpty(server, patience, [
      { from: live, to: aside, open: true },
      { from, to: live, open: true },
    ]);
  } catch (error) {
    // After an abort this session is gone: swapOrReopen opens it by another.
    if (!patience.signal.aborted) await server.allowConnections(live, true);
    throw error;
  }
}

async function renameWhenEmpty(
  server: DatabaseServer,
  { names, signal, seconds }: Patience,
  pairs: Parameters<DatabaseServer['rename']>[0],
): Promise<void> {
  const until = Date.now() + seconds * 1000;
  const trades = pairs.map(({ from }) => from);
  for (;;) {
    const left = (await Promise.all(trades.map((name) => server.terminate(name)))).flat();
    if (left.length === 0 && (await renamed(server, pairs))) return;
    if (Date.now() > until) throw connectionsStay(names, left);
    await pause(RETRY_MS, undefined, { signal });
  }
}

const RETRY_MS = 200;

/** False when somebody came in at the last moment, or a prepared transaction is in the way. */
async function renamed(server: DatabaseServer, pairs: Parameters<DatabaseServer['rename']>[0]): Promise<boolean> {
  try {
    await server.rename(pairs);
    return true;
  } catch (error) {
    if (error instanceof Fault && error.code === 'database.in-use') return false;
    throw error;
  }
}

function connectionsStay(names: SwapNames, left: readonly OpenSession[]): Fault {
  const who = left.map(({ role, application, from }) => `${role} (${application || 'unnamed'}, ${from})`);
  const them = who.length === 0 ? 'prepared transactions or sessions that come again and again' : some(who);
  return new Fault(
    'swap.connections-stay',
    `The databases were not renamed, because connections would not go: ${them}. ${names.live} is as it was before this step and takes connections again.`,
    'Close them (for sessions of another role: GRANT pg_signal_backend, for prepared transactions: pg_prepared_xacts), roll this run back, then restore again.',
  );
}

function nothingToGoBackTo(names: SwapNames): Fault {
  return new Fault(
    'swap.nothing-kept',
    `There was no database ${names.live} before this restore, so there is none to go back to; ${liveInWords('after', names)}.`,
    'Close this run, and restore another set if this one is wrong.',
  );
}

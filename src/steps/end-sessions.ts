import type { StepContext } from '../engine/ports.ts';
import { Fault } from '../runs/fault.ts';
import type { StepDeps } from './deps.ts';
import { withDatabase } from './gateway-access.ts';
import { plannedKinds } from './plan-facts.ts';

/** Ends the database sessions that a dead predecessor of this step may have left. Answers how many there were. */
export async function endOwnSessions(deps: StepDeps, context: StepContext): Promise<void> {
  await endSessionsOf(deps, context, `kong-chatops ${context.run.id}/${context.step}/`);
}

/** The same for every step of the run. Null: this run uses no database. */
export async function endRunSessions(deps: StepDeps, context: StepContext): Promise<number | null> {
  return endSessionsOf(deps, context, `kong-chatops ${context.run.id}/`);
}

async function endSessionsOf(deps: StepDeps, context: StepContext, prefix: string): Promise<number | null> {
  if (!plannedKinds(context.run).includes('database') || deps.gateway.database === undefined) return null;
  try {
    return await withDatabase(deps, context, (session) => session.endSessions(prefix));
  } catch (error) {
    // Without psql no predecessor had a session either: whether it may be missing is the preflight's business.
    if (error instanceof Fault && error.code === 'psql.missing') return null;
    throw error;
  }
}

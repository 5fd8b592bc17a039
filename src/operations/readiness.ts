import { Fault } from '../runs/fault.ts';
import { redact } from '../runs/words/redact.ts';
import { TimeoutError, withinTime } from './within-time.ts';

/** `warn`: it works, and an operator should know something about it. Only `fail` makes the process not ready. */
export type PartState = 'ok' | 'warn' | 'fail';

export interface PartReport {
  readonly state: PartState;
  /** One sentence, no secrets. */
  readonly detail: string;
  /** What to do; absent where nothing is to be done. */
  readonly hint?: string;
}

/** A part that the process cannot do without: `database`, `queue`, `slack`, `listener`. Throws when it is not there. */
export interface Probe {
  readonly name: string;
  check(signal: AbortSignal): Promise<PartReport>;
}

export interface Readiness {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, PartReport>>;
}

/** Asks all parts at once; one that stays silent for `timeoutMs` is not ready. Never throws. */
export async function askReadiness(probes: readonly Probe[], timeoutMs = 3_000): Promise<Readiness> {
  const reports = await Promise.all(probes.map(async (probe) => [probe.name, await ask(probe, timeoutMs)] as const));
  return { ready: reports.every(([, { state }]) => state !== 'fail'), parts: Object.fromEntries(reports) };
}

async function ask(probe: Probe, timeoutMs: number): Promise<PartReport> {
  const stop = new AbortController();
  try {
    return await withinTime(probe.check(stop.signal), timeoutMs);
  } catch (error) {
    return failed(error);
  } finally {
    stop.abort();
  }
}

/** What a fault says is for people; of anything else only its code or name is told, its text may hold anything. */
function failed(error: unknown): PartReport {
  if (error instanceof Fault) return { state: 'fail', detail: redact(error.message), hint: redact(error.hint) };
  if (error instanceof TimeoutError) return { state: 'fail', detail: error.message };
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
  const name = error instanceof Error ? error.name : typeof error;
  return { state: 'fail', detail: `failed (${code ?? name})`, hint: 'The log has the details.' };
}

/**
 * How well the audit trail is protected from the bot itself (design: two roles). With one role only, triggers refuse
 * changes, and whoever holds the role could drop them.
 */
export function protectionReport(triggersOnly: boolean): PartReport {
  if (!triggersOnly) return { state: 'ok', detail: 'the role of the bot can only append' };
  return {
    state: 'warn',
    detail: 'triggers alone protect the log: the bot runs as the owner of its tables',
    hint: 'Give `kong-chatops migrate` the owner as DATABASE_OWNER_URL and the bot a role of its own as DATABASE_URL.',
  };
}

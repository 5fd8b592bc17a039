import type { Config } from '../../config/schema.ts';
import { TimeoutError, withinTime } from '../../operations/within-time.ts';
import { Fault } from '../../runs/fault.ts';
import { redact } from '../../runs/words/redact.ts';

/** One line of the doctor. `warn` works and should be known; `fail` stops something from working. */
export interface Finding {
  readonly state: 'ok' | 'warn' | 'fail';
  /** `decK`, `production: database`. */
  readonly about: string;
  readonly detail: string;
  /** What to do; absent where all is well. */
  readonly hint?: string;
}

/** Looks at one thing and changes nothing. What it throws becomes one failed line. */
export interface Check {
  readonly about: string;
  look(): Promise<readonly Finding[]>;
}

/** `config` is null when it is not valid: the machine can be looked at all the same. */
export interface DoctorInput {
  readonly config: Config | null;
  readonly now: () => Date;
}

/** No neighbour is worth more: an operator waits in front of it. */
const CHECK_MS = 30_000;

/** All at once, answered in order. Never throws. */
export async function examine(checks: readonly Check[], limitMs = CHECK_MS): Promise<readonly Finding[]> {
  const answers = await Promise.all(
    checks.map(async (check) => {
      try {
        return await withinTime(check.look(), limitMs);
      } catch (error) {
        return [failed(check.about, error)];
      }
    }),
  );
  return answers.flat();
}

/** `ok    decK                 1.29.2 at /usr/local/bin/deck`, with the hint in a line of its own. */
export function showFindings(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ about }) => about.length), 0);
  return findings.flatMap(({ state, about, detail, hint }) => [
    `${state.padEnd(4)}  ${about.padEnd(width)}  ${redact(detail)}`,
    ...(hint === undefined ? [] : [`${' '.repeat(width + 8)}${redact(hint)}`]),
  ]);
}

export function ok(about: string, detail: string): Finding {
  return { state: 'ok', about, detail };
}
export function warn(about: string, detail: string, hint: string): Finding {
  return { state: 'warn', about, detail, hint };
}
export function fail(about: string, detail: string, hint: string): Finding {
  return { state: 'fail', about, detail, hint };
}

/** A fault speaks for itself; of anything else only name and code are told, its text may hold anything. */
function failed(about: string, error: unknown): Finding {
  if (error instanceof Fault) return fail(about, error.message, error.hint);
  if (error instanceof TimeoutError)
    return fail(about, error.message, 'Something on the way swallows connections: a firewall, a proxy.');
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  const text = error instanceof Error ? `${error.name}${code}` : 'unknown error';
  return fail(
    about,
    `could not be looked at: ${text}`,
    'Look at it by hand; if nothing is wrong there, this is a bug in kong-chatops.',
  );
}

import { z } from 'zod';
import type { AuditQuery } from '../../engine/ports.ts';
import { isRefusal } from '../../runs/refusal.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { userId } from '../views/kit/text.ts';
import { parseAudit } from './parse.ts';

/** What the buttons of an audit answer carry: the question again, and where a page ended. No right hangs on it. */
const schema = z.object({
  run: z.string().optional(),
  gateway: z.string().optional(),
  person: z.string().optional(),
  since: z.string().optional(),
  until: z.string().optional(),
  before: z.int().optional(),
});
export type AuditQuestion = z.infer<typeof schema>;

/** What somebody typed after `/kong-audit`, or why it makes no sense. */
export function typedQuestion(
  deps: Pick<SlackDeps, 'gateways' | 'team' | 'clock'>,
  text: string,
): AuditQuestion | Refusal {
  const gateways = deps.gateways.map(({ name }) => name);
  const words = parseAudit(text, gateways, deps.clock());
  if (isRefusal(words)) return words;
  const { about, since, until } = words;
  return {
    ...(about === undefined
      ? {}
      : 'runId' in about
        ? { run: about.runId }
        : 'gateway' in about
          ? { gateway: about.gateway }
          : { person: `${deps.team}/${about.user}` }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

/** What a button carries; null when it cannot be read. */
export function readQuestion(value: string): AuditQuestion | null {
  try {
    const parsed = schema.safeParse(JSON.parse(value));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

export function queryOf(question: AuditQuestion, limit: number): AuditQuery {
  const { run, gateway, person, since, until, before } = question;
  const about =
    run !== undefined ? { runId: run } : gateway !== undefined ? { gateway } : person !== undefined ? { person } : null;
  return {
    limit,
    ...(about === null ? {} : { about }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(before === undefined ? {} : { before }),
  };
}

/** "of B-142 since 2026-11-01 00:00 UTC": plain text. */
export function inWords(deps: Pick<SlackDeps, 'names'>, { run, gateway, person, since, until }: AuditQuestion): string {
  const who = person === undefined ? undefined : (deps.names[person] ?? person);
  const about = run ?? gateway ?? who;
  const from = since === undefined ? '' : ` since ${since.slice(0, 16).replace('T', ' ')} UTC`;
  const to = until === undefined ? '' : ` until ${until.slice(0, 16).replace('T', ' ')} UTC`;
  return `${about === undefined ? 'of everything' : `of ${about}`}${from}${to}`;
}

/** What the question is about, for a file name. */
export function subjectOf({ run, gateway, person }: AuditQuestion): string {
  return run ?? gateway ?? (person === undefined ? 'all' : userId(person));
}

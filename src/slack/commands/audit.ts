import { z } from 'zod';
import type { AuditQuery } from '../../engine/ports.ts';
import { isRefusal } from '../../runs/refusal.ts';
import type { Call } from '../answer.ts';
import type { SlackDeps } from '../deps.ts';
import { viewOf } from '../run-answers.ts';
import { auditAnswer } from '../views/audit.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { refusal } from '../views/run/notices.ts';
import { parseAudit } from './parse.ts';

/** A whole backup fits on one page. */
const PAGE = 60;

/** What the button for older rows carries: the question again and where the page ended. No right hangs on it. */
const pageSchema = z.object({
  run: z.string().optional(),
  gateway: z.string().optional(),
  person: z.string().optional(),
  since: z.string().optional(),
  until: z.string().optional(),
  before: z.int().optional(),
});
type Page = z.infer<typeof pageSchema>;

/** `/kong-audit [run, gateway or @person] [since …] [until …]`. */
export async function audit(deps: SlackDeps, text: string, call: Call): Promise<Drawing> {
  const gateways = deps.gateways.map(({ name }) => name);
  const words = parseAudit(text, gateways, deps.clock());
  if (isRefusal(words)) return refusal(words, viewOf(deps));
  const { about, since, until } = words;
  const page: Page = {
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
  return await show(deps, page, call);
}

/** The button for older rows; null when its value cannot be read. */
export async function auditPage(deps: SlackDeps, value: string, call: Call): Promise<Drawing | null> {
  const page = readPage(value);
  return page === null ? null : await show(deps, page, call);
}

async function show(deps: SlackDeps, page: Page, call: Call): Promise<Drawing> {
  const answer = await deps.operations.audit(queryOf(page), call.by);
  if (!answer.ok) return refusal(answer.refusal, viewOf(deps));
  const last = answer.rows.at(-1);
  const next = last === undefined ? {} : { next: JSON.stringify({ ...page, before: last.seq }) };
  return auditAnswer({ rows: answer.rows, more: answer.more, about: inWords(deps, page), ...next }, deps);
}

function queryOf({ run, gateway, person, since, until, before }: Page): AuditQuery {
  const about =
    run !== undefined ? { runId: run } : gateway !== undefined ? { gateway } : person !== undefined ? { person } : null;
  return {
    limit: PAGE,
    ...(about === null ? {} : { about }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(before === undefined ? {} : { before }),
  };
}

function inWords(deps: SlackDeps, { run, gateway, person, since, until }: Page): string {
  const who = person === undefined ? undefined : (deps.names[person] ?? person);
  const about = run ?? gateway ?? who;
  const from = since === undefined ? '' : ` since ${since.slice(0, 16).replace('T', ' ')} UTC`;
  const to = until === undefined ? '' : ` until ${until.slice(0, 16).replace('T', ' ')} UTC`;
  return `${about === undefined ? 'of everything' : `of ${about}`}${from}${to}`;
}

function readPage(value: string): Page | null {
  try {
    const parsed = pageSchema.safeParse(JSON.parse(value));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

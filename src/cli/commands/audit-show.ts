import type { AuditQuery, AuditRow } from '../../engine/ports.ts';
import type { Config } from '../../config/schema.ts';
import type { Actor } from '../../runs/person.ts';
import { nearest } from '../../runs/words/nearest.ts';
import { isRefusal, refuse, type Refusal } from '../../runs/refusal.ts';
import type { Cli } from '../context.ts';
import { withOperations } from '../context.ts';
import { namer, personId } from '../identity.ts';
import { parseTime } from '../period.ts';
import { isRunId } from '../run-id.ts';
import { sayRefusal } from '../say.ts';
import { clock } from '../show/amounts.ts';
import { tellEvent, type AnyBody } from '../show/tell-event.ts';
import { EXIT, type ExitCode } from '../terminal.ts';

export interface AuditShowFlags {
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly json: boolean;
}

/** `audit show [run|gateway|person]`: the trail in sentences, oldest first; the newest rows when there are too many. */
export async function auditShow(cli: Cli, about: string | undefined, flags: AuditShowFlags): Promise<ExitCode> {
  return await withOperations(cli, async ({ config, operations, caller }) => {
    const query = auditQuery(config, about, flags, cli.terminal.now());
    if (isRefusal(query)) return sayRefusal(cli.terminal, query);
    const answer = await operations.audit(query, caller);
    if (!answer.ok) return sayRefusal(cli.terminal, answer.refusal, namer(config));
    const rows = answer.rows.toSorted((one, two) => one.seq - two.seq);
    const name = namer(config);
    for (const row of rows) cli.terminal.out(flags.json ? JSON.stringify(row) : showRow(row, name));
    if (rows.length === 0 && !flags.json) cli.terminal.out(nothingFor(about));
    if (answer.more) cli.terminal.err(`Older rows are left out. More:  --until or --limit (now ${flags.limit})`);
    return EXIT.ok;
  });
}

/** Silence would look like a command that did nothing. */
function nothingFor(about: string | undefined): string {
  if (about === undefined) return 'No rows';
  return `No rows for ${isRunId(about.toUpperCase()) ? about.toUpperCase() : about}`;
}

/** What is asked of the trail, or why it makes no sense. Pure. */
export function auditQuery(
  config: Pick<Config, 'slack' | 'people' | 'gateways'>,
  about: string | undefined,
  flags: AuditShowFlags,
  now: Date,
): AuditQuery | Refusal {
  const limit = Number(flags.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000) {
    return refuse('bad-option', `--limit ${flags.limit} is no number from 1 to 10000`, 'Leave it out for 100');
  }
  const since = timeOf('since', flags.since, now);
  if (isRefusal(since)) return since;
  const until = timeOf('until', flags.until, now);
  if (isRefusal(until)) return until;
  const whose = about === undefined ? {} : whoseTrail(config, about);
  return isRefusal(whose) ? whose : { limit, ...whose, ...since, ...until };
}

/** `{ since: '2026-…' }`, or nothing when it was not given. */
function timeOf(key: 'since' | 'until', text: string | undefined, now: Date) {
  if (text === undefined) return {};
  const time = parseTime(text, now);
  return isRefusal(time) ? time : { [key]: time };
}

/** A run by its id, a gateway by its name, a person by name, Slack id, system user or full id. */
function whoseTrail(
  config: Pick<Config, 'slack' | 'people' | 'gateways'>,
  about: string,
): Pick<AuditQuery, 'about'> | Refusal {
  if (isRunId(about.toUpperCase())) return { about: { runId: about.toUpperCase() } };
  const gateways = config.gateways.map(({ name }) => name);
  if (gateways.includes(about)) return { about: { gateway: about } };
  const wanted = about.toLowerCase();
  const person = config.people.find(({ id, name, system_user }) =>
    [id, name, system_user].some((known) => known?.toLowerCase() === wanted),
  );
  if (person !== undefined) return { about: { person: personId(config, person.id) } };
  if (/^[TE][A-Z0-9]+\/[UW][A-Z0-9]+$/.test(about)) return { about: { person: about } };
  if (/^[UW][A-Z0-9]{2,}$/.test(about)) return { about: { person: personId(config, about) } };
  const meant = nearest(about, [...gateways, ...config.people.map(({ name }) => name)]);
  const hint =
    meant === null ? `Gateways: ${gateways.join(', ')}; people by name or Slack id` : `Did you mean ${meant}?`;
  return refuse('unknown-subject', `"${about}" is no run, gateway or person`, hint);
}

/** `1042  2026-11-21 12:30:05Z  B-142  Bob Brown: go by …`. */
function showRow(row: AuditRow, name: (person: string) => string): string {
  const event = JSON.parse(row.body) as AnyBody & { readonly at: string; readonly actor: Actor };
  return `${row.seq}  ${clock(event.at)}  ${row.runId}  ${author(event.actor, name)}: ${tellEvent(event, { name })}`;
}

function author(actor: Actor, name: (person: string) => string): string {
  if (actor.kind === 'bot') return `bot on ${actor.host}`;
  const where = actor.via === 'cli' ? ` (via CLI, ${actor.host ?? '?'}, ${actor.systemUser ?? '?'})` : '';
  return `${name(actor.person)}${where}`;
}

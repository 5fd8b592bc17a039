import { z } from 'zod';
import type { KnownBlock } from '@slack/types';
import { WATCH_TYPES, type WatchBody } from '../../schedules/event.ts';
import { tellWatch } from '../../schedules/words.ts';
import type { EventType } from '../../runs/event.ts';
import { ACTIONS } from './kit/action-ids.ts';
import type { Drawing } from './kit/blocks.ts';
import { actions, button, context, drawing, section } from './kit/blocks.ts';
import type { Names } from './kit/text.ts';
import { count, cut, date, duration, escape, named, readable } from './kit/text.ts';

/** A row of the audit trail as it is stored. */
export interface ViewAuditRow {
  readonly seq: number;
  readonly runId: string;
  readonly body: string;
  readonly hash: string;
}

const stored = z.looseObject({
  type: z.string(),
  at: z.string(),
  actor: z.looseObject({
    kind: z.string(),
    person: z.string().optional(),
    via: z.string().optional(),
    host: z.string().optional(),
    systemUser: z.string().optional(),
  }),
  data: z.record(z.string(), z.unknown()),
});
type Stored = z.infer<typeof stored>;
type Words = (data: Stored['data'], names: Names) => string;

const text = (value: unknown): string =>
  typeof value === 'string' ? escape(cut(value, 200)) : typeof value === 'number' ? String(value) : '';
const quoted = (value: unknown): string => (text(value) === '' ? '' : ` “${text(value)}”`);
const person = (value: unknown, names: Names): string => (typeof value === 'string' ? named(value, names) : 'somebody');
const fault = (value: unknown): string => {
  const facts = z.looseObject({ code: z.string(), message: z.string() }).safeParse(value);
  return facts.success ? `: ${text(facts.data.message)} (${text(facts.data.code)})` : '';
};
const attempt = (data: Stored['data']): string =>
  typeof data['attempt'] === 'number' && data['attempt'] > 1 ? ` (start ${data['attempt']})` : '';
const gatewayOf = (plan: unknown): string => {
  const parsed = z.looseObject({ gateway: z.string() }).safeParse(plan);
  return parsed.success ? escape(parsed.data.gateway) : 'a gateway';
};

/** What each kind of event means, in words. One table: a new event without words does not compile. */
const WORDS: Readonly<Record<EventType | 'config.loaded' | 'head.signed', Words>> = {
  'run.requested': (data) => `asked for a ${text(data['kind'])} of ${gatewayOf(data['plan'])}${quoted(data['reason'])}`,
  'gate.opened': (data) => `gate ${text(data['gate'])} opened; a go approves ${text(data['digest']).slice(0, 12)}`,
  'gate.superseded': (data) => `gate ${text(data['gate'])} was closed: the gateway had changed`,
  'gate.reminded': (data) => `gate ${text(data['gate'])}: approvers were reminded at ${text(data['percent'])} %`,
  'gate.expired': (data) => `gate ${text(data['gate'])} expired`,
  'gate.decided': (data) => `gate ${text(data['gate'])} decided: ${text(data['outcome'])}${quoted(data['reason'])}`,
  'vote.cast': (data) => `said ${text(data['choice'])} on ${text(data['gate'])}${quoted(data['comment'])}`,
  'vote.withdrawn': (data) => `withdrew the vote on ${text(data['gate'])}`,
  'vote.late': (data) => `said ${text(data['choice'])} on ${text(data['gate'])} too late (${text(data['why'])})`,
  'step.started': (data) => `${text(data['step'])} started${attempt(data)}`,
  'step.succeeded': (data) => `${text(data['step'])} succeeded${attempt(data)}`,
  'step.interrupted': (data) =>
    `${text(data['step'])} was interrupted (${text(data['reason'])})${fault(data['fault'])}`,
  'step.failed': (data) => `${text(data['step'])} failed${fault(data['fault'])}`,
  'step.aborted': (data) => `${text(data['step'])} was stopped`,
  'step.outcome-unknown': (data) => `${text(data['step'])}: nobody can tell whether it happened`,
  'run.cancel-requested': (data) => `cancelled the run${quoted(data['reason'])}`,
  'run.held': (data) => `the run holds, its way back open until ${text(data['until'])}${fault(data['fault'])}`,
  'rollback.requested': (data) => `asked to roll it back${quoted(data['reason'])}`,
  'close.requested': (data) => `closed the way back${data['drop'] === true ? ' and asked to drop what was kept' : ''}`,
  'run.rolled-back': () => 'the run was rolled back',
  'gateway.unlocked': (data) => `unlocked the gateway${quoted(data['cause'])}`,
  'emergency.reviewed': (data) => `reviewed the emergency${quoted(data['finding'])}`,
  'run.succeeded': () => 'the run succeeded',
  'run.failed': (data) => `the run failed${fault(data['fault'])}`,
  'run.cancelled': (data, names) =>
    `the run was cancelled${typeof data['reason'] === 'string' ? `: ${readable(cut(data['reason'], 300), names)}` : ''}`,
  'watcher.added': (data, names) => `${person(data['person'], names)} wants to be told at the end`,
  'refusal.recorded': (data) =>
    `tried${quoted(data['command'])} and was refused: ${text(data['message'])} (${text(data['code'])})`,
  'message.intended': (data) => `message ${text(data['slot'])} is about to be posted`,
  'message.posted': (data) => `message ${text(data['slot'])} was posted`,
  'message.lost': (data) => `message ${text(data['slot'])} could not be posted: ${text(data['why'])}`,
  'message.settled': (data) => `message ${text(data['slot'])} is final`,
  'config.loaded': (data) =>
    `configuration ${text(data['digest']).slice(0, 12)} was loaded by ${text(data['process'])}`,
  'head.signed': (data) => `head signed at row ${text(data['seq'])}: ${text(data['hash']).slice(0, 12)}`,
};

/** One row as a line: number, time, run, who, what. A row that cannot be read is shown as such, never left out. */
export function auditLine(row: ViewAuditRow, names: Names): string {
  const event = readStored(row.body);
  if (event === null)
    return `\`${row.seq}\` ${escape(row.runId)}: a row that cannot be read, hash ${escape(row.hash.slice(0, 12))}`;
  const words = wordsOf(event, names);
  return `\`${row.seq}\` ${date(event.at)} ${escape(row.runId)} *${whoDid(event.actor, names)}*: ${words}`;
}

function wordsOf(event: Stored, names: Names): string {
  if ((WATCH_TYPES as readonly string[]).includes(event.type))
    return readable(cut(tellWatch(event as unknown as WatchBody), 600), names);
  return Object.hasOwn(WORDS, event.type) ? WORDS[event.type as EventType](event.data, names) : text(event.type);
}

function whoDid(actor: Stored['actor'], names: Names): string {
  if (actor.kind !== 'person' || actor.person === undefined) return 'bot';
  const cli = actor.via === 'cli' ? ` (CLI, ${text(actor.host)}, ${text(actor.systemUser)})` : '';
  return `${named(actor.person, names)}${cli}`;
}

function readStored(body: string): Stored | null {
  try {
    const parsed = stored.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

export interface AuditPage {
  readonly rows: readonly ViewAuditRow[];
  readonly more: boolean;
  /** "of production, since 2 days ago": what was asked for, plain text. */
  readonly about: string;
  /** Value of the button that asks for the next page; opaque to Slack. */
  readonly next?: string;
  /** Value of the button that sends all rows of the question as a file; opaque to Slack. */
  readonly all?: string;
}

const OLDER = { action: ACTIONS.auditPage, label: 'Older rows', says: 'Show older rows of the audit trail' };
const AS_FILE = {
  action: ACTIONS.auditFile,
  label: 'Send me these rows (NDJSON)',
  says: 'Send me all rows of this answer as a file in a direct message',
};

/** `/kong-audit`: newest first, a page at a time, to that person alone. */
export function auditAnswer(page: AuditPage, view: { readonly names: Names }): Drawing {
  const about = escape(page.about);
  if (page.rows.length === 0) {
    const none = `The audit trail has no rows ${about}.`;
    return drawing('audit/', none, [section(none)]);
  }
  const shown = page.rows.filter((row) => !isBookkeeping(row));
  const title = `Audit trail ${about}: ${count(shown.length, 'row')}, newest first${page.more ? ', more follow' : ''}.`;
  const blocks: KnownBlock[] = [section(`*${title}*`), ...packed(shown.map((row) => auditLine(row, view.names)))];
  const buttons = [
    ...(page.more && page.next !== undefined ? [button({ ...OLDER, value: page.next })] : []),
    ...(page.all === undefined ? [] : [button({ ...AS_FILE, value: page.all })]),
  ];
  if (buttons.length > 0) blocks.push(actions(...buttons));
  const hidden = page.rows.length - shown.length;
  blocks.push(
    context(
      hidden === 0 ? '' : `${count(hidden, 'row')} about the bot’s own messages left out`,
      'To check that no row was changed: `kong-chatops audit verify`',
    ),
  );
  return drawing('audit/', title, blocks);
}

/** Half of a run's rows say which message was posted where: they would bury who did what. */
function isBookkeeping(row: ViewAuditRow): boolean {
  return readStored(row.body)?.type.startsWith('message.') === true;
}

/** Lines into as few sections as fit; a line is never split over two. */
function packed(all: readonly string[]): readonly KnownBlock[] {
  const sections: string[][] = [];
  let size = Infinity;
  for (const line of all.map((one) => cut(one, 1000))) {
    if (size + line.length + 1 > 2900) {
      sections.push([]);
      size = 0;
    }
    sections.at(-1)?.push(line);
    size += line.length + 1;
  }
  return sections.map((part) => section(part.join('\n')));
}

/** "the last 2 days 4 h", for the title of a period. */
export function lastPeriod(seconds: number): string {
  return `in the last ${duration(seconds)}`;
}

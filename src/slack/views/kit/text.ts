import type { PersonId } from '../../../runs/person.ts';
import { redact } from '../../../runs/words/redact.ts';

/** Names by person id, from the configuration. Who has none is shown as a mention. */
export type Names = Readonly<Record<PersonId, string>>;

/**
 * Makes text from a gateway or a person harmless in Slack's mrkdwn: a service named `<!channel>` pings nobody, and a
 * reason cannot dress up as the bot's own bold words or ticks. Line breaks become spaces, so that one fact stays on one
 * line; text direction marks, which could turn a line around, and other control characters go.
 */
export function escape(text: string): string {
  return entities(oneLine(text)).replaceAll(SINGLE_STAR, '∗').replaceAll(EMOJI, '꞉$1꞉');
}

/** Several in a row format nothing, and stand for what was redacted. */
const SINGLE_STAR = /(?<!\*)\*(?!\*)/g;
const EMOJI = /:([a-z0-9_+-]*[a-z][a-z0-9_+-]*):/gi;

function entities(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The same for `plain_text` objects, where Slack decodes no entities: the three characters get look-alikes. */
export function plain(text: string): string {
  return oneLine(text).replaceAll('&', '＆').replaceAll('<', '‹').replaceAll('>', '›');
}

/** Text from outside as inline code. */
export function code(text: string): string {
  const inside = entities(oneLine(text)).replaceAll('`', "'");
  return inside === '' ? '' : `\`${inside}\``;
}

/** No place in Slack takes more; what is redacted must be short, because its patterns grow with the square of it. */
const LONGEST = 2100;

/** Also the last net under secrets: what looks like one never reaches Slack, whoever wrote it. */
function oneLine(text: string): string {
  return redact(text.slice(0, LONGEST))
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll(/\p{Bidi_Control}/gu, '')
    .trim();
}

/** At most `max` characters. Never cuts an entity (`&amp;`), a token (`<!date…>`) or a surrogate pair in half. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  let end = max - 1;
  const open = text.lastIndexOf('<', end - 1);
  if (open !== -1 && text.indexOf('>', open) >= end) end = open;
  const entity = text.lastIndexOf('&', end - 1);
  if (entity !== -1 && end - entity < 6 && text.slice(entity, end).search(/;/) === -1) end = entity;
  if (/[\uD800-\uDBFF]$/.test(text.slice(0, end))) end -= 1;
  return `${text.slice(0, end).trimEnd()}…`;
}

/** As many lines as fit into `max` characters; the rest is counted: "… and 12 more". */
export function lines(items: readonly string[], max: number): string {
  const each = items.map((item) => cut(item, Math.min(max - 30, 600)));
  const all = each.join('\n');
  if (all.length <= max) return all;
  const kept: string[] = [];
  let size = 0;
  for (const item of each) {
    if (size + item.length + 1 > max - 24) break;
    kept.push(item);
    size += item.length + 1;
  }
  return [...kept, `… and ${each.length - kept.length} more`].join('\n');
}

/** "Bob", "Bob and Carol", "Bob, Carol and Dave", "Bob, Carol … and 7 more". */
export function listed(items: readonly string[], most = 8, last = 'and'): string {
  if (items.length > most) return `${items.slice(0, most).join(', ')} … and ${items.length - most} more`;
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1) ?? ''}`;
}

/** "1 table", "31 tables", "5,120 rows". */
export function count(many: number, one: string, more = `${one}s`): string {
  return `${number(many)} ${many === 1 ? one : more}`;
}

/** 5120 as "5,120". */
export function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes in decimal units, as disks are sold: 41200000 as "41.2 MB". */
export function bytes(value: number): string {
  if (value < 1000) return count(value, 'byte');
  let scaled = value / 1000;
  let unit = 0;
  while (scaled >= 999.95 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${scaled >= 100 ? scaled.toFixed(0) : scaled.toFixed(1)} ${UNITS[unit] ?? 'PB'}`;
}

/** Seconds as people say them: "less than a second", "12 s", "2 min 5 s", "3 h 10 min", "2 days 4 h". */
export function duration(seconds: number): string {
  if (seconds < 1) return 'less than a second';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(whole, 60, 'min', 1, 's');
  if (whole < 86_400) return pair(whole, 3600, 'h', 60, 'min');
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3600);
  return hours === 0 ? count(days, 'day') : `${count(days, 'day')} ${hours} h`;
}

function pair(seconds: number, big: number, bigName: string, small: number, smallName: string): string {
  const first = Math.floor(seconds / big);
  const rest = Math.floor((seconds % big) / small);
  return rest === 0 ? `${first} ${bigName}` : `${first} ${bigName} ${rest} ${smallName}`;
}

/** Seconds between two ISO times; 0 when they cannot be read or run backwards. */
export function secondsBetween(from: string | undefined, to: string | Date | undefined): number {
  if (from === undefined || to === undefined) return 0;
  const span = (typeof to === 'string' ? Date.parse(to) : to.getTime()) - Date.parse(from);
  return Number.isFinite(span) && span > 0 ? span / 1000 : 0;
}

/** A time in each reader's own zone, with UTC for clients that cannot. */
export function date(iso: string): string {
  const time = Date.parse(iso);
  if (!Number.isFinite(time)) return escape(iso);
  const utc = new Date(time).toISOString();
  return `<!date^${Math.floor(time / 1000)}^{date_short_pretty} {time}|${utc.slice(0, 10)} ${utc.slice(11, 16)} UTC>`;
}

/** "5 h ago (yesterday 17:02)". */
export function age(iso: string, now: Date): string {
  return `${duration(secondsBetween(iso, now))} ago (${date(iso)})`;
}

/** The Slack user id of a person: `T01LOCAL/U01ALICE` is `U01ALICE`. */
export function userId(person: PersonId): string {
  return person.slice(person.lastIndexOf('/') + 1);
}

/** A mention: whoever is in the channel is notified when the message is posted (an edit notifies nobody). */
export function mention(person: PersonId): string {
  const user = userId(person);
  return /^[UW][A-Z0-9]+$/.test(user) ? `<@${user}>` : escape(person);
}

/** A person by name, without notifying them; by mention when the configuration does not know them. */
export function named(person: PersonId, names: Names): string {
  const name = Object.hasOwn(names, person) ? names[person] : undefined;
  return name === undefined || oneLine(name) === '' ? mention(person) : escape(name);
}

/** "▓▓▓▓░░░░░░ 42 %": readable without colour. */
export function bar(done: number, total: number): string {
  const share = total <= 0 ? 0 : Math.min(Math.max(done / total, 0), 1);
  const full = Math.floor(share * 10);
  return `${'▓'.repeat(full)}${'░'.repeat(10 - full)} ${Math.floor(share * 100)} %`;
}

const PERSON = /\b[TE][A-Z0-9]+\/[UW][A-Z0-9]+\b/g;
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/**
 * A sentence of the bot as people read it: ids of known people become names, times become each reader's own.
 * Ids of unknown people stay ids: a mention here would let the text of a stranger ping anybody.
 */
export function readable(text: string, names: Names): string {
  return escape(text)
    .replaceAll(PERSON, (person) => (Object.hasOwn(names, person) ? named(person, names) : person))
    .replaceAll(TIME, (iso) => date(iso));
}

/** The same, ending like a sentence; `otherwise` when nothing is said. */
export function sentence(text: string | undefined, names: Names, otherwise: string): string {
  const said = readable(text ?? '', names);
  const words = said === '' ? otherwise : said;
  return /[.!?…]$/.test(words) ? words : `${words}.`;
}

/** A refusal as plain text, for the fields of a window: what happened, what to do. */
export function plainRefusal(
  { message, hint }: { readonly message: string; readonly hint: string },
  names: Names,
): string {
  const people = (text: string): string =>
    plain(text).replaceAll(PERSON, (person) => (Object.hasOwn(names, person) ? (names[person] ?? person) : person));
  return cut(`${people(message)}. ${people(hint)}.`, 1000);
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

import { nearest } from '../../runs/words/nearest.ts';
import type { Refusal } from '../../runs/refusal.ts';
import { isRefusal, refuse } from '../../runs/refusal.ts';
import type { CommandWords } from '../views/help.ts';
import { COMMANDS } from '../views/help.ts';

/** The words of a command. Quotes keep words together; Slack's clients turn straight quotes and dashes into curly ones. */
export function wordsOf(text: string): readonly string[] {
  const straight = unescape(text)
    .replaceAll(/[“”„«»]/g, '"')
    .replaceAll(/[‘’]/g, "'");
  return [...straight.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

/** Slack escapes three characters in what people type (`should_escape`); mentions keep their angle brackets. */
function unescape(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** `--reason`, also as the long dash that a phone makes of it. */
function optionOf(word: string): string | null {
  return /^(?:--|—|–)([a-zA-Z].*)$/.exec(word)?.[1]?.toLowerCase() ?? null;
}

export interface BackupWords {
  readonly gateway?: string;
  readonly reason?: string;
}

/** `/kong-backup [gateway] [--reason why]`; the reason goes on to the end. */
export function parseBackup(text: string): BackupWords | Refusal {
  const option = OPTION_AND_REST.exec(text);
  const [gateway, stray] = wordsOf(option === null ? text : text.slice(0, option.index));
  if (stray !== undefined) return strayWord(stray, COMMANDS.backup);
  const named = gateway === undefined ? {} : { gateway };
  if (option === null) return named;
  const name = option[1]?.toLowerCase() ?? '';
  if (name !== 'reason') return unknownOption(name, ['reason'], COMMANDS.backup);
  const reason = wordsOf(option[2] ?? '').join(' ');
  if (reason === '') return refuse('reason-missing', '--reason came without a reason', usage(COMMANDS.backup));
  return { ...named, reason };
}

/** The first option, its name, and everything after it. */
export const OPTION_AND_REST = /(?:^|\s)(?:--|—|–)([a-zA-Z][\w-]*)(?:[=\s](.*))?$/s;

export type StatusWords = { readonly all: true } | { readonly runId: string } | { readonly gateway: string };

/** `/kong-status [gateway or run]`. */
export function parseStatus(text: string): StatusWords | Refusal {
  const words = wordsOf(text);
  const stray = words.map(optionOf).find((option) => option !== null);
  if (stray !== undefined) return unknownOption(stray, [], COMMANDS.status);
  if (words.length > 1) return strayWord(words[1] ?? '', COMMANDS.status);
  const [word] = words;
  if (word === undefined) return { all: true };
  const runId = runIdOf(word);
  return runId === null ? { gateway: word } : { runId };
}

export type AuditAbout = { readonly runId: string } | { readonly gateway: string } | { readonly user: string };
export interface AuditWords {
  readonly about?: AuditAbout;
  readonly since?: string;
  readonly until?: string;
}

/** `/kong-audit [run, gateway or @person] [since …] [until …]`. Dates without a time are days in UTC. */
export function parseAudit(text: string, gateways: readonly string[], now: Date): AuditWords | Refusal {
  const words = [...wordsOf(text)];
  const found: { about?: AuditAbout; since?: string; until?: string } = {};
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const key = (optionOf(word) ?? word).toLowerCase();
    if (key === 'since' || key === 'until') {
      const time = timeOf(words.shift() ?? '', now, key === 'until');
      if (isRefusal(time)) return time;
      found[key] = time;
      continue;
    }
    const option = optionOf(word);
    if (option !== null) return unknownOption(option, ['since', 'until'], COMMANDS.audit);
    if (found.about !== undefined) return strayWord(word, COMMANDS.audit);
    const about = aboutOf(word, gateways);
    if (isRefusal(about)) return about;
    found.about = about;
  }
  return found;
}

function aboutOf(word: string, gateways: readonly string[]): AuditAbout | Refusal {
  const runId = runIdOf(word);
  if (runId !== null) return { runId };
  const user = /^<@([UW][A-Z0-9]+)(?:\|[^>]*)?>$/.exec(word)?.[1];
  if (user !== undefined) return { user };
  if (gateways.includes(word)) return { gateway: word };
  const near = nearest(word, [...gateways, 'since', 'until']);
  const hint = near === null ? usage(COMMANDS.audit) : `Did you mean ${near}?`;
  return refuse('unknown-gateway', `“${word}” is neither a run nor a gateway nor a person`, hint);
}

const UNITS: Readonly<Record<string, number>> = { m: 60, min: 60, h: 3600, d: 86_400, w: 604_800 };

/** `2h`, `7d`, `today`, `yesterday`, `2026-11-01` or an ISO time, as ISO. A day as an end means its last moment. */
function timeOf(word: string, now: Date, isEnd: boolean): string | Refusal {
  const span = /^(\d{1,5})(m|min|h|d|w)$/.exec(word.toLowerCase());
  if (span !== null)
    return new Date(now.getTime() - Number(span[1]) * (UNITS[span[2] ?? ''] ?? 0) * 1000).toISOString();
  const day = dayOf(word.toLowerCase(), now);
  const time = Date.parse(day === null ? word : `${day}T00:00:00Z`);
  if (!Number.isFinite(time) || !/^\d{4}-|^today$|^yesterday$/.test(word.toLowerCase())) {
    const hint = 'Write 2h, 7d, 2w, today, yesterday, a day like 2026-11-01 or a time like 2026-11-01T08:00Z';
    return refuse('unknown-time', `“${word}” is not a time`, hint);
  }
  return new Date(time + (day !== null && isEnd ? 86_400_000 - 1 : 0)).toISOString();
}

function dayOf(word: string, now: Date): string | null {
  if (word === 'today') return now.toISOString().slice(0, 10);
  if (word === 'yesterday') return new Date(now.getTime() - 86_400_000).toISOString().slice(0, 10);
  return /^\d{4}-\d\d-\d\d$/.test(word) ? word : null;
}

/** `b-142` as `B-142`; null when it is no run. */
export function runIdOf(word: string): string | null {
  return /^[A-Za-z]-[1-9][0-9]{0,9}$/.test(word) ? word.toUpperCase() : null;
}

export function unknownOption(option: string, known: readonly string[], words: CommandWords): Refusal {
  const near = nearest(option, known);
  const hint = near === null ? usage(words) : `Did you mean --${near}? ${usage(words)}`;
  return refuse('unknown-option', `${words.command} has no option --${option}`, hint);
}

export function strayWord(word: string, words: CommandWords): Refusal {
  return refuse('stray-word', `${words.command} does not know what to do with “${word}”`, usage(words));
}

export function usage({ command, usage }: CommandWords): string {
  return `Write ${command} ${usage}`;
}

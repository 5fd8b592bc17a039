import { redactValue } from '../../runs/words/redact.ts';
import type { Refusal } from '../../runs/refusal.ts';
import { refuse } from '../../runs/refusal.ts';
import { partLine, trailLine, type TrailRow } from '../../runs/words/trail-line.ts';
import { code, count, duration, escape, number } from './kit/text.ts';

/** At most so many rows go into one file: about 10 MB, and one query that disturbs nobody. */
export const FILE_ROWS = 10_000;

export interface AuditFile {
  /** `kong-audit-B-142-part-20261121T0940Z.ndjson`. */
  readonly name: string;
  readonly content: string;
  /** What stands beside the file (mrkdwn). */
  readonly says: string;
}

export interface AuditFileFacts {
  /** Oldest first; not empty. */
  readonly lines: readonly FileLine[];
  /** Older rows were left out, because they are more than {@link FILE_ROWS}. */
  readonly more: boolean;
  /** True when the question named a run, gateway, person or period. */
  readonly filtered: boolean;
  /** "of B-142 since …": plain text. */
  readonly about: string;
  /** The same for a file name: `B-142`. */
  readonly subject: string;
  readonly now: Date;
}

/**
 * The rows as `kong-chatops audit export` writes them, oldest first. A part of the trail says so in its name, its first
 * line and its message; only the whole can be proven gapless. What looks like a secret is masked, as everywhere in Slack.
 */
export function auditFile(facts: AuditFileFacts): AuditFile {
  const { lines, more, filtered, about, subject, now } = facts;
  const masked = lines.filter((line) => line.masked).length;
  const part = [
    ...(filtered ? [about] : []),
    ...(more ? [`the newest ${number(lines.length)} rows`] : []),
    ...(masked > 0 ? [`${count(masked, 'row')} masked`] : []),
  ].join(', ');
  const stamp = `${now.toISOString().slice(0, 16).replaceAll(/[-:]/g, '')}Z`;
  const kind = part === '' ? '' : '-part';
  const name = `kong-audit-${subject.replaceAll(/[^\w.-]+/g, '-').slice(0, 80)}${kind}-${stamp}.ndjson`;
  return {
    name,
    content: `${part === '' ? '' : partLine(part)}${lines.map(({ text }) => text).join('')}`,
    says: messageOf({ facts, part, masked, name }),
  };
}

/** A row as a line of the file. */
export interface FileLine {
  readonly text: string;
  /** The row held what looks like a secret. */
  readonly masked: boolean;
}

export function fileLine(row: TrailRow): FileLine {
  const clean = withoutSecrets(row.body);
  return { text: trailLine(clean === null ? row : { ...row, body: clean }), masked: clean !== null };
}

/** The body with what looks like a secret hidden; null when there is nothing to hide. */
function withoutSecrets(body: string): string | null {
  try {
    const known: unknown = JSON.parse(body);
    const clean = JSON.stringify(redactValue(known));
    return clean === JSON.stringify(known) ? null : clean;
  } catch {
    const clean = redactValue(body) as string;
    return clean === body ? null : clean;
  }
}

interface Made {
  readonly facts: AuditFileFacts;
  readonly part: string;
  readonly masked: number;
  readonly name: string;
}

function messageOf({ facts, part, masked, name }: Made): string {
  const { lines, about } = facts;
  const first = `Audit trail ${escape(about)}: ${count(lines.length, 'row')} as NDJSON, oldest first, one row a line, as \`kong-chatops audit export\` writes them.`;
  const cut = facts.more ? `⚠️ ${leftOut(lines.length)}` : '';
  const secrets =
    masked > 0 ? `⚠️ ${count(masked, 'row')} held what looks like a secret; it is masked in this file.` : '';
  const proof =
    part === ''
      ? `This is the whole trail. Check it anywhere: ${code(`kong-chatops audit verify --file ${name}`)}`
      : 'This is a part of the trail, so it cannot prove that no row is missing. The whole export can: `kong-chatops audit export`, then `kong-chatops audit verify --file`.';
  return [first, cut, secrets, proof].filter((line) => line !== '').join('\n');
}

function leftOut(rows: number): string {
  return `Only the newest ${number(rows)} rows are in it. Ask for a shorter period to have the older ones.`;
}

/** The answer beside the audit trail once the file is there (mrkdwn). */
export function fileSent({ lines, more }: Pick<AuditFileFacts, 'lines' | 'more'>, name: string): string {
  const cut = more ? ` ${leftOut(lines.length)}` : '';
  return `${count(lines.length, 'row')} went to your direct messages with the bot as ${code(name)}.${cut}`;
}

/** What the failed call means for the world, as `outcome.ts` reads it (this folder imports only the pure ones). */
export type SendFailure =
  | { readonly kind: 'refused' | 'unknown'; readonly why: string }
  | { readonly kind: 'not-done'; readonly why: string; readonly afterMs: number };

const BY_CLI = 'run `kong-chatops audit export` on the bot’s host';

/** Why no file came, and how to get the rows all the same. */
export function fileNotSent(failure: SendFailure): Refusal {
  if (failure.kind === 'unknown') {
    const message = `Slack did not confirm the file (${failure.why}), so it may or may not have come`;
    return refuse(
      'file-unknown',
      message,
      `Look into your direct messages with the bot; if it is not there, ${BY_CLI}`,
    );
  }
  const message = `Slack did not take the file (${failure.why}), so nothing was sent`;
  if (failure.kind === 'not-done') {
    return refuse('file-not-sent', message, `Try again in ${duration(failure.afterMs / 1000)}, or ${BY_CLI}`);
  }
  const hint =
    failure.why === 'missing_scope'
      ? `Give the Slack app the scope files:write and install it again (docs/slack.md); until then ${BY_CLI}`
      : `To have the rows, ${BY_CLI}`;
  return refuse('file-not-sent', message, hint);
}

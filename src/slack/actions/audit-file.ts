import { setImmediate as breathe } from 'node:timers/promises';
import type { AuditRow } from '../../engine/ports.ts';
import type { Caller } from '../../runs/person.ts';
import { refuse } from '../../runs/refusal.ts';
import type { Call } from '../answering/answer.ts';
import { inWords, queryOf, readQuestion, subjectOf } from '../commands/audit-question.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { failureOf } from '../outcome.ts';
import { viewOf } from '../answering/run-answers.ts';
import type { AuditFile, FileLine } from '../views/audit-file.ts';
import { auditFile, FILE_ROWS, fileLine, fileNotSent, fileSent } from '../views/audit-file.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { drawing, section } from '../views/kit/blocks.ts';
import { userId } from '../views/kit/text.ts';
import { refusal } from '../views/run/notices.ts';

/** Who gets a file at this moment: an impatient person must not have 10,000 rows read for every press. */
const underWay = new Set<string>();

/**
 * Sends the rows of an audit answer to whoever pressed, as a file in their direct messages. The question is asked again
 * with their own rights. Null when the button's value cannot be read.
 */
export async function sendAuditFile(deps: SlackDeps, value: string, call: Call): Promise<Drawing | null> {
  const question = readQuestion(value);
  if (question === null) return null;
  const { person } = call.by;
  if (underWay.has(person)) return refusal(UNDER_WAY, viewOf(deps));
  underWay.add(person);
  try {
    const { before: _before, ...whole } = question;
    const answer = await deps.operations.audit(queryOf(whole, FILE_ROWS), call.by);
    if (!answer.ok) return refusal(answer.refusal, viewOf(deps));
    const about = inWords(deps, whole);
    if (answer.rows.length === 0) return refusal(nothingLeft(about), viewOf(deps));
    const read = { lines: await linesOf(answer.rows), more: answer.more };
    const filtered = Object.keys(whole).length > 0;
    const file = auditFile({ ...read, filtered, about, subject: subjectOf(whole), now: deps.clock() });
    return (await upload(deps, call.by, file)) ?? told(fileSent(read, file.name));
  } finally {
    underWay.delete(person);
  }
}

/** Rows between two looks at what else waits, about 10 ms: an acknowledgement must not wait for a long file. */
const ROWS_AT_ONCE = 25;

async function linesOf(newestFirst: readonly AuditRow[]): Promise<readonly FileLine[]> {
  const lines: FileLine[] = [];
  for (const [index, row] of newestFirst.toReversed().entries()) {
    if (index % ROWS_AT_ONCE === 0) await breathe();
    lines.push(fileLine(row));
  }
  return lines;
}

const UNDER_WAY = refuse(
  'file-under-way',
  'Your rows are being sent already',
  'Look into your direct messages with the bot in a moment',
);

function nothingLeft(about: string) {
  return refuse('no-rows', `The audit trail has no rows ${about}`, 'Ask for a longer period with /kong-audit');
}

/** Null when Slack has the file; else what to tell the person. */
async function upload(deps: SlackDeps, by: Caller, file: AuditFile): Promise<Drawing | null> {
  const client = deps.clients.background;
  try {
    // An upload goes to a conversation only; with a person's own id Slack finds none.
    const { channel } = await client.conversations.open({ users: userId(by.person) });
    await client.files.uploadV2({
      channel_id: channel?.id ?? '',
      filename: file.name,
      title: file.name,
      content: file.content,
      initial_comment: file.says,
    });
    return null;
  } catch (error) {
    const failure = failureOf(error);
    deps.log.warn({ person: by.person, why: failure.why }, 'an audit file could not be sent');
    return refusal(fileNotSent(failure), viewOf(deps));
  }
}

function told(text: string): Drawing {
  return drawing('audit/', text, [section(text)]);
}

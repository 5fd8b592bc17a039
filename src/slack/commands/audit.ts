import { isRefusal } from '../../runs/refusal.ts';
import type { Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { viewOf } from '../answering/run-answers.ts';
import { auditAnswer } from '../views/audit.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { refusal } from '../views/run/notices.ts';
import type { AuditQuestion } from './audit-question.ts';
import { inWords, queryOf, readQuestion, typedQuestion } from './audit-question.ts';

/** A whole backup fits on one page. */
const PAGE = 60;

/** `/kong-audit [run, gateway or @person] [since …] [until …]`. */
export async function audit(deps: SlackDeps, text: string, call: Call): Promise<Drawing> {
  const question = typedQuestion(deps, text);
  return isRefusal(question) ? refusal(question, viewOf(deps)) : await show(deps, question, call);
}

/** The button for older rows; null when its value cannot be read. */
export async function auditPage(deps: SlackDeps, value: string, call: Call): Promise<Drawing | null> {
  const question = readQuestion(value);
  return question === null ? null : await show(deps, question, call);
}

async function show(deps: SlackDeps, question: AuditQuestion, call: Call): Promise<Drawing> {
  const answer = await deps.operations.audit(queryOf(question, PAGE), call.by);
  if (!answer.ok) return refusal(answer.refusal, viewOf(deps));
  const last = answer.rows.at(-1);
  const { before: _before, ...whole } = question;
  const next = last === undefined ? {} : { next: JSON.stringify({ ...whole, before: last.seq }) };
  const page = { rows: answer.rows, more: answer.more, about: inWords(deps, question), ...next };
  return auditAnswer({ ...page, all: JSON.stringify(whole) }, deps);
}

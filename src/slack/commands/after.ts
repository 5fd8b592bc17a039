import type { Answer } from '../../engine/ports.ts';
import { keptDatabase } from '../../runbooks/kept-database.ts';
import { isRefusal, refuse } from '../../runs/refusal.ts';
import type { Run } from '../../runs/run.ts';
import type { Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { refusedAnswer, viewOf } from '../answering/run-answers.ts';
import { openClose, openReview, openRollback, openUnlock } from '../modals/open-after.ts';
import { COMMANDS } from '../views/help.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { code, escape } from '../views/kit/text.ts';
import { done, refusal } from '../views/run/notices.ts';
import { leftWords } from '../views/run/restore.ts';
import { runName } from '../views/run/stand.ts';
import { parseClose, parseRun, parseUnlock } from './parse-restores.ts';

/** `/kong-rollback R-7` asks in a window; with the gateway's name behind it, that is the confirmation. */
export async function rollbackCommand(deps: SlackDeps, text: string, call: Call, trigger: string) {
  const words = parseRun(text, COMMANDS.rollback);
  if (isRefusal(words)) return refusal(words, viewOf(deps));
  if (words.rest === '') return await openRollback(deps, trigger, words.runId, call);
  const found = await deps.operations.run(words.runId);
  const gateway = found?.run.plan.gateway;
  if (gateway === undefined || gateway === words.rest) return await rollback(deps, words.runId, undefined, call);
  const wrong = refuse(
    'not-confirmed',
    `“${words.rest}” is not the gateway of ${words.runId}, so nothing was done`,
    `Write /kong-rollback ${words.runId} ${gateway}`,
  );
  return refusal(wrong, viewOf(deps));
}

/** `/kong-close R-7`. */
export async function closeCommand(deps: SlackDeps, text: string, call: Call, trigger: string) {
  const words = parseClose(text);
  return isRefusal(words) ? refusal(words, viewOf(deps)) : await openClose(deps, trigger, words.runId, call);
}

/** `/kong-unlock production the cause`; without a cause a window asks for it. */
export async function unlockCommand(deps: SlackDeps, text: string, call: Call, trigger: string) {
  const words = parseUnlock(text);
  if (isRefusal(words)) return refusal(words, viewOf(deps));
  return words.cause === ''
    ? await openUnlock(deps, trigger, words.gateway, call)
    : await unlock(deps, words.gateway, words.cause, call);
}

/** `/kong-review R-7 the finding`; without a finding a window asks for it. */
export async function reviewCommand(deps: SlackDeps, text: string, call: Call, trigger: string) {
  const words = parseRun(text, COMMANDS.review);
  if (isRefusal(words)) return refusal(words, viewOf(deps));
  return words.rest === ''
    ? await openReview(deps, trigger, words.runId, call)
    : await review(deps, words.runId, words.rest, call);
}

export async function rollback(
  deps: SlackDeps,
  runId: string,
  reason: string | undefined,
  call: Call,
): Promise<Drawing> {
  return await told(
    deps,
    await deps.operations.rollback(runId, reason, call.by),
    `roll back ${runId}`,
    call,
    rolledText,
  );
}

export function rolledText(run: Run): string {
  return run.rollback === undefined
    ? `${runName(run)} had changed nothing that is live, so it is being cancelled.`
    : `${runName(run)} is being rolled back. Its card says when everything is as it was.`;
}

export function closedText(run: Run): string {
  const before = beforeText(run);
  return `${runName(run)} is being closed: it cannot be rolled back any more.${before === '' ? '' : ` ${before}`}`;
}

/** What becomes of the database that was kept for the way back. */
function beforeText(run: Run): string {
  const kept = keptDatabase(run);
  const drop = run.close?.drop === true;
  if (kept === null) return drop ? 'No database was kept, so none is dropped.' : '';
  if (kept.state !== 'there') return '';
  return drop ? `The database before, ${code(kept.name)}, is being dropped.` : leftWords(kept.name);
}

export async function unlock(deps: SlackDeps, gateway: string, cause: string, call: Call): Promise<Drawing> {
  return await told(
    deps,
    await deps.operations.unlock(gateway, cause, call.by),
    `unlock ${gateway}`,
    call,
    unlockedText,
  );
}

export function unlockedText(run: Run): string {
  return `${escape(run.plan.gateway)} is unlocked: it may be changed again. The cause stands in the audit trail of ${run.id}.`;
}

export async function review(deps: SlackDeps, runId: string, finding: string, call: Call): Promise<Drawing> {
  return await told(deps, await deps.operations.review(runId, finding, call.by), `review ${runId}`, call, reviewedText);
}

export function reviewedText(run: Run): string {
  return `Your review of the emergency ${run.id} is recorded. ${escape(run.plan.gateway)} takes normal runs.`;
}

async function told(
  deps: SlackDeps,
  answer: Answer,
  act: string,
  call: Call,
  words: (run: Run) => string,
): Promise<Drawing> {
  if (!answer.ok) return await refusedAnswer(deps, answer, act, call);
  deps.publisher.drawSoon(answer.run.id);
  return done(words(answer.run), answer.run, viewOf(deps, answer.run));
}

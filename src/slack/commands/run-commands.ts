import { isRefusal } from '../../runs/refusal.ts';
import type { Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { mayNotSee, recordIfNew } from '../answering/rights.ts';
import { refusedAnswer, startedAnswer, viewOf } from '../answering/run-answers.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { helpAnswer } from '../views/help.ts';
import { refusal } from '../views/run/notices.ts';
import { runAnswer, statusAnswer } from '../views/status.ts';
import type { BackupWords } from './parse.ts';
import { parseStatus } from './parse.ts';
import { refuse } from '../../runs/refusal.ts';

/** Starts a backup and answers with a link to its card. */
export async function backup(
  deps: SlackDeps,
  { gateway, reason }: BackupWords & { readonly gateway: string },
  call: Call,
): Promise<Drawing> {
  const delivery = { key: call.key, ...(call.place.channel === undefined ? {} : { channel: call.place.channel }) };
  const request = { gateway, delivery, ...(reason === undefined ? {} : { reason }) };
  const answer = await deps.operations.requestBackup(request, call.by);
  if (answer.ok) return await startedAnswer(deps, answer);
  return await refusedAnswer(deps, answer, `request backup of ${gateway}`, call);
}

/** `/kong-status`. */
export async function status(deps: SlackDeps, text: string, call: Call): Promise<Drawing> {
  const words = parseStatus(text);
  if (isRefusal(words)) return refusal(words, viewOf(deps));
  if ('runId' in words) return await oneRun(deps, words.runId, call);
  const answer = await deps.operations.status(call.by, 'gateway' in words ? words.gateway : undefined);
  if (answer.ok) return statusAnswer(answer.gateways, deps.clock(), viewOf(deps));
  await recordIfNew(deps, answer.refusal, 'see the status', call.by);
  return refusal(answer.refusal, viewOf(deps));
}

async function oneRun(deps: SlackDeps, runId: string, call: Call): Promise<Drawing> {
  const refused = await mayNotSee(deps, call.by, `see ${runId}`);
  if (refused !== null) return refusal(refused, viewOf(deps));
  const found = await deps.operations.run(runId);
  if (found === null) {
    const unknown = refuse('unknown-run', `There is no run ${runId}`, 'Use /kong-status to see the runs there are');
    await recordIfNew(deps, unknown, `see ${runId}`, call.by);
    return refusal(unknown, viewOf(deps));
  }
  return runAnswer(found.run, deps.clock(), { ...viewOf(deps, found.run), progress: found.progress });
}

/** `/kong-help`, and `help` after any command. */
export async function help(deps: SlackDeps, call: Call): Promise<Drawing> {
  const refused = await mayNotSee(deps, call.by, 'see the help');
  if (refused !== null) return refusal(refused, viewOf(deps));
  return helpAnswer(deps.gateways.map(({ name }) => name));
}

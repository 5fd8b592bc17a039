import type { Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { isStale, refusedAnswer, startedAnswer, viewOf } from '../answering/run-answers.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { done } from '../views/run/notices.ts';
import { runName } from '../views/run/stand.ts';

type OnStale = (runId: string) => void;

export async function cancel(deps: SlackDeps, runId: string, call: Call, onStale: OnStale): Promise<Drawing> {
  const answer = await deps.operations.cancel(runId, undefined, call.by);
  if (!answer.ok) {
    if (isStale(answer) && answer.run !== undefined) onStale(answer.run.id);
    return await refusedAnswer(deps, answer, `cancel ${runId}`, call);
  }
  deps.publisher.drawSoon(runId);
  const text = `${runName(answer.run)} is being cancelled. Its card says when it has ended and what was removed.`;
  return done(text, answer.run, viewOf(deps, answer.run));
}

export async function retry(deps: SlackDeps, runId: string, call: Call, onStale: OnStale): Promise<Drawing> {
  const delivery = { key: call.key, ...(call.place.channel === undefined ? {} : { channel: call.place.channel }) };
  const answer = await deps.operations.retry(runId, call.by, delivery);
  if (answer.ok) return await startedAnswer(deps, answer);
  if (isStale(answer) && answer.run !== undefined) onStale(answer.run.id);
  return await refusedAnswer(deps, answer, `try ${runId} again`, call);
}

export async function watch(deps: SlackDeps, runId: string, call: Call): Promise<Drawing> {
  const answer = await deps.operations.watch(runId, call.by);
  if (!answer.ok) return await refusedAnswer(deps, answer, `follow ${runId}`, call);
  return done(`You will get a direct message when ${runName(answer.run)} ends.`, answer.run, viewOf(deps, answer.run));
}

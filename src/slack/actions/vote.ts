import type { VoteRequest } from '../../engine/ports.ts';
import type { Call } from '../answering/answer.ts';
import type { SlackDeps } from '../answering/deps.ts';
import { refusedAnswer, viewOf } from '../answering/run-answers.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { done, gateWords } from '../views/run/notices.ts';
import { stand } from '../views/run/stand.ts';
import { isStale } from '../answering/run-answers.ts';

/** Takes the person's own vote back and says where the run stands then. */
export async function withdrawVote(deps: SlackDeps, gate: string, call: Call): Promise<Drawing> {
  const answer = await deps.operations.withdraw(gate, call.by);
  if (!answer.ok) return await refusedAnswer(deps, answer, `withdraw the vote on ${gate}`, call, gate);
  const { run } = answer;
  deps.publisher.drawSoon(run.id);
  const view = viewOf(deps, run);
  return done(`Your vote on ${run.id} is withdrawn. ${stand(run, view).line}`, run, view);
}

/** Casts a vote and says what it came to. `onStale` repairs the message that was pressed. */
export async function castVote(
  deps: SlackDeps,
  request: VoteRequest,
  call: Call,
  onStale?: (runId: string) => void,
): Promise<Drawing> {
  const answer = await deps.operations.vote(request, call.by);
  if (!answer.ok) {
    if (answer.run !== undefined && isStale(answer)) onStale?.(answer.run.id);
    return await refusedAnswer(deps, answer, `${request.choice} on ${request.gate}`, call, request.gate);
  }
  const { run } = answer;
  deps.publisher.drawSoon(run.id);
  const gate = run.gates.find((one) => one.gate === request.gate);
  const view = viewOf(deps, run);
  const came = gate === undefined || gate.status === 'open' ? stand(run, view).line : gateWords(run, gate, view);
  return done(`Your ${request.choice} on ${run.id} counts. ${came}`, run, view);
}

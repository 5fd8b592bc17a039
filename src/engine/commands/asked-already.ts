import type { Caller } from '../../runs/person.ts';
import type { Run } from '../../runs/run.ts';
import type { Answer } from '../ports.ts';
import type { OperationsDeps, RestoreChoice } from './operations-deps.ts';
import { canonicalText, type JsonObject } from '../../runs/json.ts';
import { refuse } from '../../runs/refusal.ts';
import { recordRefusal, type NewRun } from './start-run.ts';

/**
 * What a restore or a backup that comes a second time is answered: with the run that it made, where it still asks for the
 * same. A window that Slack gave up on stays open, and whoever chooses another set or gateway in it must not be told that
 * this one comes.
 */
export async function unlessOther(deps: OperationsDeps, answer: Answer, asked: NewRun, by: Caller): Promise<Answer> {
  if (!answer.ok || answer.again !== true) return answer;
  const { run } = answer;
  if (choiceOf(run) === choiceOf(asked)) return answer;
  const refusal = refuse(
    'asked-already',
    `This was sent before with other choices and made ${run.id}, which ${doing(run)}, so nothing else was started`,
    `Follow ${run.id} on its card; to ask for something else, ask anew`,
  );
  await recordRefusal(deps, refusal, `request ${asked.kind} of ${asked.gateway.name}`, by);
  return { ok: false, refusal, run };
}

function doing({ kind, plan }: Run): string {
  if (kind === 'backup') return `backs up ${plan.gateway}`;
  const { set, strategy } = plan.parameters as RestoreChoice & JsonObject;
  return `restores ${set} by the strategy "${strategy}"`;
}

/** What somebody chose, and nothing that the configuration adds: that may be another by now. */
function choiceOf({ plan, emergency }: Pick<Run, 'plan' | 'emergency'>): string {
  const { set = null, strategy = null, safety = null, only = null } = plan.parameters;
  return canonicalText([plan.gateway, set, strategy, safety, only, emergency !== undefined]);
}

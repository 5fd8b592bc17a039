import { setTimeout as pause } from 'node:timers/promises';
import type { Answer } from '../../engine/ports.ts';
import { runOfGate } from '../../runs/rules/gate.ts';
import type { Run } from '../../runs/run.ts';
import type { Call } from './answer.ts';
import type { SlackDeps } from './deps.ts';
import { cardLink } from './links.ts';
import { recordIfNew } from './rights.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import type { ViewContext } from '../views/kit/context.ts';
import { busy, done, refusal, staleButton } from '../views/run/notices.ts';
import { runName, stand } from '../views/run/stand.ts';

export function viewOf(deps: Pick<SlackDeps, 'names' | 'bot'>, run?: Run): ViewContext {
  return { names: deps.names, link: run === undefined ? null : cardLink(deps.bot(), run) };
}

/** The answer to whoever started a run: that it runs, or that it did already, and a link to its card, wherever they asked. */
export async function startedAnswer(deps: SlackDeps, { run, again }: Extract<Answer, { ok: true }>): Promise<Drawing> {
  // In the background, so that Slack's limits hold nobody up; at once, because the answer links to the card.
  deps.publisher
    .draw(run.id)
    .catch((error: unknown) => deps.log.warn({ run: run.id, error }, 'drawing failed; the sweep tries again'));
  const now = await waitForCard(deps, run);
  const where = now.channel === null ? '' : ` Its card is in <#${now.channel}>.`;
  const lost =
    now.messages['card']?.status === 'lost'
      ? ` Slack did not let the bot post there, so there is no card: invite the bot with /invite. The run goes on; see /kong-status ${run.id} or App Home.`
      : where;
  const view = viewOf(deps, now);
  const told = now.outcome === undefined ? ' You will be told when it ends.' : '';
  const stands = again === true ? `was asked for already: it ${stand(now, view).is}` : 'is under way';
  return done(`${runName(now)} ${stands}.${lost}${told}`, now, view);
}

async function waitForCard(deps: SlackDeps, run: Run): Promise<Run> {
  const until = Date.now() + (deps.waitForCardMs ?? 2000);
  let now = run;
  while (Date.now() < until) {
    now = (await deps.operations.run(run.id))?.run ?? now;
    const card = now.messages['card']?.status;
    if (card === 'posted' || card === 'lost' || now.channel === null) return now;
    await pause(100);
  }
  return now;
}

/** Codes of refusals that mean: what you pressed is a picture of the past. */
const STALE = new Set([
  'gate-decided',
  'gate-expired',
  'gate-superseded',
  'gate-closed',
  'unknown-gate',
  'already-ended',
  'already-cancelling',
  'not-ended',
]);

/** A no, in the form that helps: the busy run with an offer, the decision that was already taken, or the plain words. */
export async function refusedAnswer(
  deps: SlackDeps,
  refused: Extract<Answer, { ok: false }>,
  command: string,
  call: Call,
  gate?: string,
): Promise<Drawing> {
  await recordIfNew(deps, refused.refusal, command, call.by);
  const { run } = refused;
  if (run === undefined) return refusal(refused.refusal, viewOf(deps));
  if (refused.refusal.code === 'busy') return busy(refused.refusal, run, viewOf(deps, run));
  if (!STALE.has(refused.refusal.code)) return refusal(refused.refusal, viewOf(deps, run));
  const meant = run.gates.find((one) => one.gate === gate);
  return staleButton(refused.refusal, run, meant, viewOf(deps, run));
}

/** True when the refusal says that the pressed message is out of date and should be drawn again. */
export function isStale(refused: Extract<Answer, { ok: false }>): boolean {
  return STALE.has(refused.refusal.code);
}

/** The run that a button belongs to, by its value or by the block it stood in; null when neither tells. */
export function runOfButton(value: string | undefined, blockId: string | undefined): string | null {
  const byValue = value === undefined ? null : (runOfGate(value) ?? runId(value));
  return byValue ?? runId(blockId?.split('/')[0] ?? '');
}

function runId(text: string): string | null {
  return /^[A-Z]-[1-9][0-9]{0,9}$/.test(text) ? text : null;
}

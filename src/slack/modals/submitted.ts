import { setTimeout as pause } from 'node:timers/promises';
import type { SlackViewMiddlewareArgs, ViewSubmitAction } from '@slack/bolt';
import type { Answer } from '../../engine/ports.ts';
import type { Caller } from '../../runs/person.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { Call } from '../answering/answer.ts';
import { answering, placeOf } from '../answering/answer.ts';
import { callerOf } from '../answering/caller.ts';
import type { SlackDeps } from '../answering/deps.ts';
import type { InFlight } from '../answering/in-flight.ts';
import { recordIfNew } from '../answering/rights.ts';
import { refusedAnswer } from '../answering/run-answers.ts';
import type { Values } from '../views/inputs.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { plainRefusal } from '../views/kit/text.ts';
import type { ModalOrigin } from '../views/modals.ts';
import type { ShownOrigin } from './as-shown.ts';
import { shownOrigin, UNREADABLE } from './as-shown.ts';
import { comingBack, windowKey } from './coming-back.ts';

export type Submission = SlackViewMiddlewareArgs<ViewSubmitAction>;

/** A window that asks for something: what is wrong in it, what it asks, and where a no is shown. */
export interface Asking {
  readonly name: string;
  /** What it carries with it to be of any use. */
  readonly needs: readonly ('gateway' | 'run')[];
  /** What is tried, for the audit trail. */
  readonly act: (origin: ModalOrigin) => string;
  readonly faults: (values: Values, origin: ModalOrigin) => Readonly<Record<string, string>> | null;
  readonly ask: (deps: SlackDeps, values: Values, origin: ShownOrigin, call: Call) => Promise<Answer>;
  /** The block beside which a refusal stands. */
  readonly field: (code: string) => string;
  readonly done: (deps: SlackDeps, answer: Extract<Answer, { ok: true }>) => Promise<Drawing> | Drawing;
}

/** Slack gives up on a window after 3 s: a no that comes sooner is shown in it, whatever comes later as a message. */
const IN_WINDOW_MS = 1800;

/** Answers a window: wrong input and refusals beside the field, everything else as a message. */
export async function submitted(
  deps: SlackDeps,
  inFlight: InFlight,
  { ack, body, view }: Submission,
  asking: Asking,
): Promise<void> {
  const origin = shownOrigin(view.private_metadata);
  const { values, faults: strange, has } = comingBack(view);
  const isLost = asking.needs.some((part) => (origin[part] ?? '') === '');
  const faults = strange ?? (isLost ? null : asking.faults(values, origin));
  if (faults !== null) return await ack({ response_action: 'errors', errors: { ...faults } });
  const from = { ...body, response_url: origin.responseUrl, channel_id: origin.channel };
  const by = callerOf(from, deps.team);
  const call = { by, place: placeOf(from), key: windowKey(view, origin, by.person) };
  await inFlight.run(async () => {
    const asked = isLost ? lost(deps, asking, call) : asking.ask(deps, values, origin, call);
    const soon = await soonOf(asked);
    if (soon !== null && !soon.ok && has(asking.field(soon.refusal.code))) {
      await recordIfNew(deps, soon.refusal, asking.act(origin), call.by);
      return await ack({ response_action: 'errors', errors: errorsOf(deps, asking, soon.refusal) });
    }
    await ack();
    await answering(deps, asking.name, from, call.key, async () => {
      const answer = await asked;
      if (!answer.ok) return await refusedAnswer(deps, answer, asking.act(origin), call);
      deps.publisher.drawSoon(answer.run.id);
      return await asking.done(deps, answer);
    });
  });
}

async function lost(deps: SlackDeps, { act }: Asking, { by }: Call): Promise<Answer> {
  return await refusedHere(deps, UNREADABLE, act({}), by);
}

/** A no that the operations were never asked for leaves its row all the same. */
export async function refusedHere(deps: SlackDeps, refusal: Refusal, act: string, by: Caller): Promise<Answer> {
  await deps.operations.recordRefusal(refusal, act, by);
  return { ok: false, refusal };
}

/** Null when it takes longer than Slack waits, or fails: `answering` tells of both. */
async function soonOf(asked: Promise<Answer>): Promise<Answer | null> {
  const late = new AbortController();
  const timeout = pause(IN_WINDOW_MS, null, { signal: late.signal }).catch(() => null);
  const first = await Promise.race([asked.catch(() => null), timeout]);
  late.abort();
  return first;
}

function errorsOf(deps: SlackDeps, asking: Asking, refusal: Refusal): Record<string, string> {
  return { [asking.field(refusal.code)]: plainRefusal(refusal, deps.names) };
}

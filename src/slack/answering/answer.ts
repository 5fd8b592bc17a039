/* oxlint-disable unicorn/require-post-message-target-origin -- Slack's method, not a window's */
import { randomBytes } from 'node:crypto';
import type { Caller } from '../../runs/person.ts';
import type { PayloadIdentity } from './caller.ts';
import { callerOf } from './caller.ts';
import type { SlackDeps } from './deps.ts';
import { failureOf } from '../outcome.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import { drawing, section } from '../views/kit/blocks.ts';
import { userId } from '../views/kit/text.ts';

/** Where an answer to this person alone can go, best first. */
export interface AnswerPlace {
  /** Works everywhere, also where the bot is not; 30 minutes and 5 times. */
  readonly responseUrl?: string | undefined;
  readonly channel?: string | undefined;
  /** Put in the place of the ephemeral message that was clicked. */
  readonly replace?: boolean;
}

/** The parts of Slack's payloads that say where an answer can go. */
export interface PayloadPlace extends PayloadIdentity {
  readonly response_url?: string | undefined;
  readonly channel_id?: string | undefined;
  readonly channel?: { readonly id: string } | undefined;
}

export function placeOf(body: PayloadPlace): AnswerPlace {
  return { responseUrl: body.response_url, channel: body.channel_id ?? body.channel?.id };
}

/** Slack's own clients show nothing of an answer that comes after 3 s; whoever waits longer has gone. */
const ANSWER_MS = 2500;

/** Shows the drawing to this person alone. Never throws: an answer that cannot be given is logged. */
export async function answer(
  deps: Pick<SlackDeps, 'clients' | 'log'>,
  by: Caller,
  place: AnswerPlace,
  { text, blocks }: Drawing,
): Promise<void> {
  try {
    if (place.responseUrl !== undefined && (await respond(place.responseUrl, { text, blocks }, place.replace === true)))
      return;
    const message = { text, blocks: [...blocks] };
    const user = userId(by.person);
    if (place.channel !== undefined && place.channel !== '') {
      const shown = await deps.clients.people.chat.postEphemeral({ channel: place.channel, user, ...message }).then(
        () => true,
        () => false,
      );
      if (shown) return;
    }
    await deps.clients.people.chat.postMessage({ channel: user, ...message });
  } catch (error) {
    deps.log.warn({ person: by.person, why: failureOf(error).why }, 'an answer could not be given');
  }
}

/** True when it was taken, or may have been: an ephemeral answer is not worth showing twice. */
async function respond(url: string, { text, blocks }: Drawing, replace: boolean): Promise<boolean> {
  try {
    const answered = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      // Both are said, because stand-ins and old documents disagree about the defaults.
      body: JSON.stringify({ response_type: 'ephemeral', replace_original: replace, text, blocks }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    await answered.body?.cancel();
    return answered.ok;
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError';
  }
}

/** What somebody typed or pressed, ready to be decided on. */
export interface Call {
  readonly by: Caller;
  readonly place: AnswerPlace;
  /** The delivery's own id: the same one twice counts once. */
  readonly key: string;
}

/**
 * Runs a handler after its ack and shows what it answers. A bug is logged with its stack under an id, the person gets
 * the id, and the process lives on.
 */
export async function answering(
  deps: SlackDeps,
  name: string,
  body: PayloadPlace,
  key: string,
  work: (call: Call) => Promise<Drawing | null>,
): Promise<void> {
  const call: Call = { by: callerOf(body, deps.team), place: placeOf(body), key };
  try {
    const drawn = await work(call);
    if (drawn !== null) await answer(deps, call.by, call.place, drawn);
  } catch (error) {
    await answer(deps, call.by, call.place, bugAnswer(reportBug(deps, name, error)));
  }
}

/** Logs a bug and answers the id under which it stands in the log. */
export function reportBug(deps: Pick<SlackDeps, 'log'>, name: string, error: unknown): string {
  const id = randomBytes(4).toString('hex');
  deps.log.error({ id, handler: name, error }, 'a Slack handler failed');
  return id;
}

export function bugAnswer(id: string): Drawing {
  const text = `Something went wrong inside the bot (${id}), so this may not have been done. Look at /kong-status, then try again; if it happens again, give the id ${id} to whoever runs the bot.`;
  return drawing('bug/', text, [section(`💥 ${text}`)]);
}

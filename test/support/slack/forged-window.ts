import { createHmac } from 'node:crypto';
import type { TestSlack } from './slack.ts';
import type { SlackWorld } from './slack-world.ts';

/** A window as it comes back, whatever was done to it on the way. */
export interface ComingBack {
  /** As it was drawn; see {@link drawnWindow}. */
  readonly view: DrawnWindow;
  /** The same twice is one window that was sent twice. */
  readonly id?: string;
  /** In the place of what it carries: text, or an object that is written as JSON. */
  readonly metadata?: unknown;
  /** In the place of its fields. */
  readonly values?: unknown;
}

export interface Acknowledged {
  readonly status: number;
  /** What the window shows beside its fields; null: it closed. */
  readonly errors: Readonly<Record<string, string>> | null;
}

/** Sends a window back in the name of a person, with Slack's own signature: past every check of a client. */
export async function sendBack(
  slack: TestSlack,
  world: SlackWorld,
  user: string,
  { view, id = 'V0FORGED', metadata = view.private_metadata, values = {} }: ComingBack,
): Promise<Acknowledged> {
  const payload = {
    type: 'view_submission',
    team: { id: slack.team, domain: 'local' },
    user: { id: user, team_id: slack.team },
    api_app_id: 'A1',
    token: 'x',
    view: {
      id,
      type: 'modal',
      callback_id: view.callback_id,
      private_metadata: typeof metadata === 'string' ? metadata : JSON.stringify(metadata),
      state: { values },
      blocks: view.blocks,
      hash: '1.1',
    },
  };
  const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const mac = createHmac('sha256', slack.tokens.signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
  const response = await fetch(`http://127.0.0.1:${world.port ?? 0}/slack/events`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${mac}`,
    },
    body,
  });
  const text = await response.text();
  const answer = text === '' ? {} : (JSON.parse(text) as { errors?: Record<string, string> });
  return { status: response.status, errors: answer.errors ?? null };
}

export interface DrawnWindow {
  readonly callback_id: string;
  readonly private_metadata: string;
  readonly blocks: readonly object[];
}

/** The window of that name that the bot drew last. */
export function drawnWindow(slack: TestSlack, callback: string): DrawnWindow {
  const views = slack.calls.map(({ args: { view } }) =>
    typeof view === 'string' ? (JSON.parse(view) as unknown) : view,
  );
  const drawn = views.findLast((view) => (view as { callback_id?: string } | undefined)?.callback_id === callback);
  if (drawn === undefined) throw new Error(`no window ${callback} was drawn`);
  return drawn as DrawnWindow;
}

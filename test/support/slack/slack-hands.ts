import type { SlackMessage } from '../../../src/sandbox/slack/strict/edge.ts';
import { ALICE, OPS } from '../../../src/sandbox/slack/cast.ts';
import type { TestSlack } from './slack.ts';
import type { SlackWorld } from './slack-world.ts';

/** What the people of the sandbox do and see, in the words of a test. */
export interface Hands {
  readonly type: (user: string, command: string, text?: string, channel?: string) => Promise<void>;
  readonly click: (user: string, ts: string, action: string, value: string, channel?: string) => Promise<void>;
  /** The newest private answer to this person that says so; fails after 5 s. */
  readonly answer: (user: string, words: string | RegExp, channel?: string) => Promise<SlackMessage>;
  readonly card: (runId: string) => Promise<SlackMessage>;
  /** A run of production that waits for a go, and the timestamp of its card. */
  readonly waiting: () => Promise<{ readonly runId: string; readonly ts: string }>;
}

export function hands(slack: () => TestSlack, world: () => SlackWorld): Hands {
  const answer: Hands['answer'] = (user, words, channel = OPS) => {
    const said = (text: string): boolean => (typeof words === 'string' ? text.includes(words) : words.test(text));
    const seen = async (): Promise<SlackMessage | undefined> => {
      const all = await slack().control.messages(channel);
      return all.findLast((one) => one.ephemeral_to === user && said(one.text));
    };
    return slack().control.until(`an answer to ${user}: ${String(words)}`, seen, 5000);
  };
  const type: Hands['type'] = (user, command, text = '', channel = OPS) =>
    slack().control.command({ user, channel, command, text });
  const card: Hands['card'] = (runId) =>
    slack().control.until(`the card of ${runId}`, async () =>
      (await slack().control.messages(OPS)).find(
        ({ blocks }) => blocks?.some(({ block_id: id }) => id?.startsWith(`${runId}/card/`) === true) === true,
      ),
    );
  return {
    type,
    answer,
    card,
    click: (user, ts, action, value, channel = OPS) =>
      slack().control.click({ user, channel, ts, action_id: action, block_id: 'x', value }),
    waiting: async () => {
      await type(ALICE, '/kong-backup', 'production');
      const { text } = await answer(ALICE, /^Backup B-\d+ of production is under way\./);
      const runId = /B-\d+/.exec(text)?.[0] ?? '';
      await world().play(runId);
      return { runId, ts: (await card(runId)).ts };
    },
  };
}

import type { WebClient } from '@slack/web-api';
import type { ProgressRow } from '../../engine/ports.ts';
import type { EventBody, RunEvent } from '../../runs/event.ts';
import type { Run } from '../../runs/run.ts';
import type { SlackLog } from '../log.ts';
import type { ViewHead } from '../views/kit/context.ts';
import type { Names } from '../views/kit/text.ts';

export interface LoadedRun {
  readonly run: Run;
  readonly events: readonly RunEvent[];
  readonly progress: ProgressRow | null;
}

/** What the publisher may append: what became of messages, and that a gate was not shown. */
export type PublishEvent = Extract<
  EventBody,
  { type: 'message.intended' | 'message.posted' | 'message.lost' | 'message.settled' | 'refusal.recorded' }
>;

/** Who the bot is in Slack, from `auth.test`. */
export interface BotIdentity {
  readonly botId: string;
  readonly userId: string;
  /** `https://acme.slack.com/`: what links to messages begin with. */
  readonly url: string;
}

export interface PublishPorts {
  /** Null when there is no such run. */
  readonly load: (runId: string) => Promise<LoadedRun | null>;
  /**
   * Appends the event if `when` holds on the run as it is at that moment (compare-and-swap, retried on conflicts).
   * Answers the run as it then is, or null when `when` did not hold: somebody else was first.
   */
  readonly record: (runId: string, event: PublishEvent, when: (run: Run) => boolean) => Promise<Run | null>;
  readonly client: WebClient;
  /** Null until Slack has answered once. */
  readonly bot: () => BotIdentity | null;
  readonly names: Names;
  /** The signed head that covers the run's end; null while there is none. */
  readonly head?: (run: Run) => Promise<ViewHead | null>;
  readonly clock: () => Date;
  readonly log: SlackLog;
  /** At most one edit of a message in this time (behaviour 10.3). */
  readonly editSeconds: number;
  readonly times?: Partial<PublishTimes>;
}

export interface PublishTimes {
  /** Several changes within this time are drawn at once. */
  readonly gatherMs: number;
  /** After this an intent without an outcome is looked into: longer than a post can be under way. */
  readonly lookAfterMs: number;
  /** Between the two looks that must both find nothing before a message is posted again. */
  readonly lookGapMs: number;
  /** How long a channel is believed not to be shared. */
  readonly channelMs: number;
  /** The time in which Slack bears so many edits (see `BUDGET` in edit.ts). */
  readonly editWindowMs: number;
}

/** A post gives up after 10 s and Slack answers within 3: after 20 s nothing of it can still arrive. */
export const TIMES: PublishTimes = {
  gatherMs: 100,
  lookAfterMs: 20_000,
  lookGapMs: 2000,
  channelMs: 60_000,
  editWindowMs: 60_000,
};

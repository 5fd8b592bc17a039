import type { RunEvent } from '../../runs/event.ts';
import type { PersonId } from '../../runs/person.ts';
import type { Gate, Run } from '../../runs/run.ts';
import { openGate } from '../../runs/rules/gate.ts';
import type { Drawing } from '../views/kit/blocks.ts';
import type { ViewContext } from '../views/kit/context.ts';
import { userId } from '../views/kit/text.ts';
import { card } from '../views/run/card.ts';
import {
  emergencyNotice,
  endedNotice,
  failedNotice,
  heldNotice,
  needsYou,
  reminder,
  reviewReminder as reviewNotice,
  sharedChannelNotice,
} from '../views/run/notices.ts';
import { reviewReminder } from '../../runs/rules/emergency.ts';
import { evidence, isEvidence, threadSlot } from '../views/run/thread.ts';

/** A message that should be in Slack, given what has happened. */
export interface Owed {
  /** Its key in `Run.messages`. */
  readonly slot: string;
  /** A channel, or a person's user id for a direct message. */
  readonly to: string;
  /** In the thread of the card. */
  readonly inThread: boolean;
  /** Drawn again and edited in place; everything else is posted once and stays. */
  readonly live: boolean;
  /** Not posted any more when this is false, but still edited if it was posted. */
  readonly post: boolean;
  readonly draw: (view: ViewContext, now: Date) => Drawing;
}

/**
 * Every message of a run, in the order in which they are posted. Pure: the same run owes the same messages, whoever
 * asks and however often. `hidden` says why no gate may be shown in the channel.
 */
export function owedMessages(
  run: Run,
  events: readonly RunEvent[],
  hidden: string | undefined,
  now: Date,
): readonly Owed[] {
  const channel = run.channel;
  if (channel === null) return [];
  const cardLost = run.messages['card']?.status === 'lost';
  const thread = cardLost ? [] : threadMessages(run, events, channel, hidden);
  return [
    live('card', channel, (view, now) => card(run, now, view)),
    ...emergencyMessages(run, channel, now),
    ...run.gates.flatMap((gate) => gateMessages(run, gate, channel, hidden)),
    ...thread,
    ...heldMessages(run, channel),
    ...endMessages(run, channel),
  ];
}

/** The whole channel, and everybody whose go was skipped; later those who can review it are reminded. */
function emergencyMessages(run: Run, channel: string, now: Date): readonly Owed[] {
  if (run.emergency === undefined) return [];
  const due = reviewReminder(run, now);
  const reminded = due === null ? [] : reviewers(run, channel).map((to) => reminderOf(run, due, to));
  return [
    once('emergency', channel, (view) => emergencyNotice(run, 'emergency', 'channel', view)),
    ...run.eligible.map((person) => {
      const slot = `emergency:${person}`;
      return once(slot, userId(person), (view) => emergencyNotice(run, slot, 'person', view));
    }),
    ...reminded,
  ];
}

/** Where nobody could have voted, the channel is reminded. */
function reviewers(run: Run, channel: string): readonly string[] {
  return run.eligible.length === 0 ? [channel] : run.eligible.map(userId);
}

function reminderOf(run: Run, hours: number, to: string): Owed {
  const slot = `review-due:${hours}:${to}`;
  return once(slot, to, (view) => reviewNotice(run, slot, view));
}

/** A restore that is live, or held for a decision, notifies: an edit of the card would not. */
function heldMessages(run: Run, channel: string): readonly Owed[] {
  if (run.hold === undefined) return [];
  const slot = `held:${run.hold.since}`;
  return [once(slot, channel, (view) => heldNotice(run, slot, view))];
}

function gateMessages(run: Run, gate: Gate, channel: string, hidden: string | undefined): readonly Owed[] {
  const open = gate.status === 'open';
  const slot = `needs-you:${gate.gate}`;
  const inChannel: Owed = { ...live(slot, channel, (view) => needsYou(run, gate, view)), post: open };
  const known = run.messages[slot];
  // Where the channel cannot carry it, each approver is asked directly: a gate that nobody hears of only expires.
  const notInChannel = known?.status === 'lost' || (known === undefined && hidden !== undefined);
  const direct = notInChannel
    ? waitingFor(run, gate).map((person): Owed => {
        const own = `${slot}:${person}`;
        return { ...once(own, userId(person), (view) => needsYou(run, gate, view, own)), post: open };
      })
    : [];
  const told =
    hidden === undefined
      ? []
      : [
          once(`not-here:${gate.gate}`, userId(run.requestedBy), (view) =>
            sharedChannelNotice(run, gate, hidden, view),
          ),
        ];
  const channelPart = hidden !== undefined && known === undefined ? [] : [inChannel];
  return open ? [...channelPart, ...direct, ...told, ...reminders(run, gate)] : channelPart;
}

function reminders(run: Run, gate: Gate): readonly Owed[] {
  if (gate.reminded.length === 0) return [];
  // After a night without the bot both reminders are due at once: people get the last one only.
  const percent = Math.max(...gate.reminded);
  return waitingFor(run, gate).map((person) =>
    once(`reminder:${gate.gate}:${percent}:${person}`, userId(person), (view) =>
      reminder(run, gate, percent, person, view),
    ),
  );
}

function waitingFor(run: Run, gate: Gate): readonly PersonId[] {
  return run.eligible.filter((person) => !gate.votes.some((vote) => vote.person === person));
}

function threadMessages(
  run: Run,
  events: readonly RunEvent[],
  channel: string,
  hidden: string | undefined,
): readonly Owed[] {
  return events
    .filter((event) => isEvidence(event, run) && (hidden === undefined || event.type !== 'gate.opened'))
    .map((event) => ({
      ...once(threadSlot(event), channel, (view) => {
        const drawn = evidence(event, run, view);
        if (drawn === null) throw new Error(`${threadSlot(event)} is no evidence`);
        return drawn;
      }),
      inThread: true,
    }));
}

/** `ended` is the notice to the requester and stands for the end: the run owes something until it is settled. */
function endMessages(run: Run, channel: string): readonly Owed[] {
  if (run.outcome === undefined) return [];
  const failed = run.outcome === 'failed' ? [once('failed', channel, (view) => failedNotice(run, view))] : [];
  const watchers = run.watchers.filter((person) => person !== run.requestedBy);
  return [
    ...failed,
    ...watchers.map((person) =>
      once(`ended:${person}`, userId(person), (view) => endedNotice(run, `ended:${person}`, view)),
    ),
    ...(run.schedule === undefined
      ? [once('ended', userId(run.requestedBy), (view) => endedNotice(run, 'ended', view))]
      : []),
  ];
}

function once(slot: string, to: string, draw: Owed['draw']): Owed {
  return { slot, to, inThread: false, live: false, post: true, draw };
}

function live(slot: string, to: string, draw: Owed['draw']): Owed {
  return { ...once(slot, to, draw), live: true };
}

/** True when a gate is open: only then must the channel be known not to be shared. */
export function showsGate(run: Run): boolean {
  return openGate(run) !== undefined;
}

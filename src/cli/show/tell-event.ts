import type { EventBody, SystemBody } from '../../runs/event.ts';
import type { PersonId } from '../../runs/person.ts';
import type { Plan } from '../../runs/plan.ts';
import { WATCH_TYPES, type WatchType } from '../../schedules/event.ts';
import { tellWatch } from '../../schedules/words.ts';
import { clock } from './amounts.ts';

export interface Told {
  /** Name of a person for people. */
  readonly name: (person: PersonId) => string;
  /** For the titles of steps; without it their ids are shown. */
  readonly plan?: Plan | undefined;
}

/** Anything that stands in the trail. */
export type AnyBody = EventBody | SystemBody;
type Teller<T extends AnyBody['type']> = (data: Extract<AnyBody, { type: T }>['data'], told: Told) => string;

/** One sentence for each thing that can happen. A new kind of event does not compile until it is told here. */
const TELL: { readonly [T in Exclude<AnyBody['type'], WatchType>]: Teller<T> } = {
  'run.requested': (data, told) =>
    `${told.name(data.requestedBy)} asked for a ${data.kind} of ${data.plan.gateway}` +
    `${data.retryOf === undefined ? '' : `, again after ${data.retryOf}`}${because(data.reason)}`,
  'gate.opened': (data) => `waits for go or no-go until ${clock(data.expiresAt)} (${data.gate}, ${short(data.digest)})`,
  'gate.superseded': (data) => `${data.gate} is void: ${data.changed.join(', ')} changed since it was opened`,
  'gate.reminded': (data) => `approvers were reminded at ${data.percent} % of the time`,
  'gate.expired': (data) => `${data.gate} expired without a decision`,
  'gate.decided': (data, told) =>
    `${data.outcome} by ${data.by.map(told.name).join(' and ')}${because(data.reason)} (${data.gate})`,
  'vote.cast': (data, told) => `${told.name(data.person)} says ${data.choice}${because(data.comment)} (${data.gate})`,
  'vote.withdrawn': (data, told) => `${told.name(data.person)} withdrew the vote (${data.gate})`,
  'vote.late': (data, told) => `${told.name(data.person)} said ${data.choice} too late (${data.why})`,
  'step.started': (data, told) => `${title(data.step, told)}: started${attempt(data.attempt)}`,
  'step.succeeded': (data, told) => `${title(data.step, told)}: done`,
  'step.interrupted': (data, told) =>
    `${title(data.step, told)}: interrupted (${data.fault?.message ?? data.reason}), starts again at ${clock(data.retryAt)}`,
  'step.failed': (data, told) => `${title(data.step, told)}: failed. ${data.fault.message} ${data.fault.hint}`,
  'step.aborted': (data, told) => `${title(data.step, told)}: stopped`,
  'step.outcome-unknown': (data, told) => `${title(data.step, told)}: nobody can tell whether it was done`,
  'run.cancel-requested': (data, told) => `${told.name(data.person)} cancelled it${because(data.reason)}`,
  'run.held': (data) =>
    `holds, its way back open until ${clock(data.until)}${data.fault === undefined ? '' : `. ${data.fault.message}`}`,
  'rollback.requested': (data, told) => `${told.name(data.person)} asked to roll it back${because(data.reason)}`,
  'close.requested': (data, told) =>
    `${told.name(data.person)} closed the way back${data.drop ? ' and asked to drop what was kept' : ''}`,
  'run.rolled-back': () => 'rolled back',
  'gateway.unlocked': (data, told) => `${told.name(data.person)} unlocked the gateway${because(data.cause)}`,
  'emergency.reviewed': (data, told) => `${told.name(data.person)} reviewed the emergency${because(data.finding)}`,
  'run.succeeded': () => 'succeeded',
  'run.failed': (data) => `failed. ${data.fault.message} ${data.fault.hint}`,
  'run.cancelled': (data) => `cancelled: ${data.reason}`,
  'watcher.added': (data, told) => `${told.name(data.person)} will be told when it ends`,
  'refusal.recorded': (data, told) => `${told.name(data.person)} was refused "${data.command}": ${data.message}`,
  'message.intended': (data) => `a message (${data.slot}) is about to be posted`,
  'message.posted': (data) => `message posted (${data.slot})`,
  'message.lost': (data) => `message not posted (${data.slot}): ${data.why}`,
  'message.settled': (data) => `message final (${data.slot})`,
  'config.loaded': (data) => `configuration ${short(data.digest)} loaded by ${data.process}`,
  'head.signed': (data) => `head ${data.seq} (${short(data.hash)}) signed with key ${short(data.key)}`,
};

/** What happened, in one sentence without time and author. An event of a newer version is told by its type. */
export function tellEvent(event: AnyBody, told: Told): string {
  if (isWatch(event)) return tellWatch(event);
  // The table pairs each type with its own data; the compiler cannot follow that through a lookup.
  const tell = TELL[event.type] as ((data: AnyBody['data'], told: Told) => string) | undefined;
  return tell === undefined ? event.type : tell(event.data, told);
}

/** Whether it is news for somebody who follows a run: bookkeeping of messages is not. */
export function isNews(event: Pick<AnyBody, 'type'>): boolean {
  return !event.type.startsWith('message.') && event.type !== 'gate.reminded';
}

function isWatch(event: AnyBody): event is Extract<AnyBody, { type: WatchType }> {
  return (WATCH_TYPES as readonly string[]).includes(event.type);
}

function title(step: string, { plan }: Told): string {
  return plan?.steps.find(({ id }) => id === step)?.title ?? step;
}

function attempt(number: number): string {
  return number === 1 ? '' : ` (attempt ${number})`;
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}

function short(digest: string): string {
  return digest.slice(0, 12);
}

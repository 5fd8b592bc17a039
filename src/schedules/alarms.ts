import type { WatchBody, WatchEvent } from './event.ts';
import type { PersonId } from '../runs/person.ts';

/** Something that is wrong now. `alarm` names it: `production/backup-too-old`. */
export interface Finding {
  readonly alarm: string;
  readonly gateway: string;
  readonly message: string;
  readonly hint: string;
  /** Sorted. An acknowledgement covers these; whatever joins them later is news. */
  readonly about: readonly string[];
}

export interface Acknowledgement {
  readonly person: PersonId;
  readonly reason: string;
  readonly at: string;
  readonly until: string;
  readonly about: readonly string[];
}

export interface AlarmPost {
  readonly status: 'posting' | 'posted' | 'lost';
  readonly channel: string;
  readonly at: string;
  readonly attempt: number;
  readonly ts?: string;
}

/** The newest episode of an alarm, from the log alone. */
export interface AlarmState extends Finding {
  readonly episode: number;
  readonly raisedAt: string;
  /** How often what it is about changed. */
  readonly changes: number;
  readonly acknowledged: Acknowledgement | null;
  readonly cleared: { readonly at: string; readonly message: string } | null;
  readonly posts: Readonly<Record<string, AlarmPost>>;
}

export type Alarms = ReadonlyMap<string, AlarmState>;

const DAY_MS = 86_400_000;
/** A message that an alarm is over is no news after this. */
const STALE_MS = 7 * DAY_MS;

/** What has happened to the alarms so far. Total: rows that fit nothing change nothing. */
export function foldAlarm(alarms: Alarms, event: WatchEvent): Alarms {
  if (!isAlarmEvent(event)) return alarms;
  const { alarm, episode } = event.data;
  const before = alarms.get(alarm);
  if (event.type === 'alarm.raised') {
    if (before !== undefined && before.episode >= episode) return alarms;
    const { gateway, message, hint, about } = event.data;
    const fresh = { changes: 0, acknowledged: null, cleared: null, posts: {} };
    return new Map([
      ...alarms,
      [alarm, { alarm, gateway, message, hint, about, episode, raisedAt: event.at, ...fresh }],
    ]);
  }
  if (before?.episode !== episode) return alarms;
  return new Map([...alarms, [alarm, after(before, event)]]);
}

type AlarmEvent = Extract<WatchEvent, { type: `alarm.${string}` }>;

function isAlarmEvent(event: WatchEvent): event is AlarmEvent {
  return event.type.startsWith('alarm.');
}

function after(state: AlarmState, event: Exclude<AlarmEvent, { type: 'alarm.raised' }>): AlarmState {
  switch (event.type) {
    case 'alarm.changed': {
      const { message, hint, about } = event.data;
      return { ...state, message, hint, about, changes: state.changes + 1 };
    }
    case 'alarm.acknowledged': {
      const { person, reason, until, about } = event.data;
      return { ...state, acknowledged: { person, reason, until, about, at: event.at } };
    }
    case 'alarm.cleared':
      return { ...state, cleared: { at: event.at, message: event.data.message } };
    default:
      return { ...state, posts: { ...state.posts, [event.data.slot]: postAfter(state, event) } };
  }
}

function postAfter(
  state: AlarmState,
  event: Extract<AlarmEvent, { type: 'alarm.posting' | 'alarm.posted' | 'alarm.lost' }>,
): AlarmPost {
  const { slot, channel } = event.data;
  const attempt = state.posts[slot]?.attempt ?? 1;
  if (event.type === 'alarm.posting') return { status: 'posting', channel, at: event.at, attempt: event.data.attempt };
  if (event.type === 'alarm.posted') return { status: 'posted', channel, at: event.at, attempt, ts: event.data.ts };
  return { status: 'lost', channel, at: event.at, attempt };
}

/** True while somebody stands for it: until the time they named, and for nothing that joined since. */
export function isAcknowledged({ acknowledged, about }: AlarmState, now: Date): boolean {
  if (acknowledged === null || Date.parse(acknowledged.until) <= now.getTime()) return false;
  return about.every((one) => acknowledged.about.includes(one));
}

export function isOn(state: AlarmState): boolean {
  return state.cleared === null;
}

/** A fact to record, and the key under which it is recorded once, whoever finds it. */
export interface KeyedFact {
  readonly key: string;
  readonly event: Extract<WatchBody, { type: 'alarm.raised' | 'alarm.changed' | 'alarm.cleared' }>;
}

/** What the findings of this moment, all of them, make of the alarms: raised, changed, or cleared. */
export function alarmChanges(alarms: Alarms, findings: readonly Finding[]): KeyedFact[] {
  const found = new Map(findings.map((finding) => [finding.alarm, finding]));
  const over = [...alarms.values()].filter((state) => isOn(state) && !found.has(state.alarm));
  return [...findings.flatMap((finding) => onFinding(alarms.get(finding.alarm), finding)), ...over.map(clearedFact)];
}

function onFinding(state: AlarmState | undefined, finding: Finding): KeyedFact[] {
  const { alarm, message, hint, about } = finding;
  if (state === undefined || !isOn(state)) {
    const episode = (state?.episode ?? 0) + 1;
    return [{ key: `alarm/${alarm}/${episode}`, event: { type: 'alarm.raised', data: { ...finding, episode } } }];
  }
  if (state.about.join('\n') === about.join('\n')) return [];
  const { episode, changes } = state;
  return [
    {
      key: `alarm/${alarm}/${episode}/changed-${changes + 1}`,
      event: { type: 'alarm.changed', data: { alarm, episode, message, hint, about } },
    },
  ];
}

function clearedFact({ alarm, episode, message }: AlarmState): KeyedFact {
  return {
    key: `alarm/${alarm}/${episode}/cleared`,
    event: { type: 'alarm.cleared', data: { alarm, episode, message: `Over: ${message}` } },
  };
}

/**
 * The one message that an alarm owes its channel now, by slot; null when it owes none. A new slot each day and with each
 * change, so that days without a bot are not made up for one by one.
 */
export function owedSlot(state: AlarmState, now: Date): string | null {
  const told = Object.values(state.posts).some(({ status }) => status === 'posted');
  if (state.cleared !== null) {
    const fresh = now.getTime() - Date.parse(state.cleared.at) < STALE_MS;
    return told && fresh && isOpen(state.posts['cleared']) ? 'cleared' : null;
  }
  if (isAcknowledged(state, now)) return null;
  const day = Math.max(0, Math.floor((now.getTime() - Date.parse(state.raisedAt)) / DAY_MS));
  const slot = `day-${day}-${state.changes}`;
  return isOpen(state.posts[slot]) ? slot : null;
}

/** Neither there nor given up. */
function isOpen(post: AlarmPost | undefined): boolean {
  return post === undefined || post.status === 'posting';
}

/** Where the alarm was last told, to show there what became of it. */
export function lastPost({
  posts,
}: AlarmState): { readonly channel: string; readonly ts: string; readonly slot: string } | null {
  const posted = Object.entries(posts).flatMap(([slot, { ts, channel }]) =>
    ts === undefined || slot === 'cleared' ? [] : [{ slot, channel, ts }],
  );
  return posted.sort((a, b) => Number(b.ts) - Number(a.ts))[0] ?? null;
}

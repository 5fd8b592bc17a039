import type { WatchEvent } from './event.ts';
import type { ScheduleAnswer } from './schedule.ts';
import type { PersonId } from '../runs/person.ts';
import { foldAlarm, type Alarms } from './alarms.ts';

export interface Hold {
  readonly set: string;
  readonly gateway: string;
  readonly person: PersonId;
  readonly reason: string;
  readonly at: string;
}

/** A removal of a set from one destination, begun at `at` (ISO). */
export interface Expiring {
  readonly set: string;
  readonly gateway: string;
  readonly destination: string;
  readonly after: string;
  readonly at: string;
}

/** What the system stream says of schedules, alarms and sets. Made by {@link foldWatch} alone. */
export interface WatchState {
  /** Of the newest row that is in here. */
  readonly version: number;
  readonly adopted: ReadonlyMap<string, { readonly cron: string; readonly zone: string; readonly since: string }>;
  /** The newest refusal of each schedule. */
  readonly refused: ReadonlyMap<string, ScheduleAnswer>;
  /** What each schedule last waited for. */
  readonly waiting: ReadonlyMap<string, { readonly due: string; readonly message: string }>;
  /** Runs of which the watcher outside was told. */
  readonly told: ReadonlySet<string>;
  /** Runs after which old sets were looked through. */
  readonly lookedThrough: ReadonlySet<string>;
  readonly alarms: Alarms;
  readonly holds: ReadonlyMap<string, Hold>;
  /** Removals that began and did not end. Two bots may be at the same one: each ends its own. */
  readonly expiring: readonly Expiring[];
  /** What was removed, by {@link placeKey}. */
  readonly expired: ReadonlySet<string>;
}

export const NOTHING_YET: WatchState = {
  version: 0,
  adopted: new Map(),
  refused: new Map(),
  waiting: new Map(),
  told: new Set(),
  lookedThrough: new Set(),
  alarms: new Map(),
  holds: new Map(),
  expiring: [],
  expired: new Set(),
};

export function placeKey(set: string, destination: string): string {
  return `${set} in ${destination}`;
}

/** The state after one more row. Total. */
export function foldWatch(state: WatchState, event: WatchEvent): WatchState {
  const alarms = foldAlarm(state.alarms, event);
  return { ...state, ...scheduleRow(state, event), ...setRow(state, event), alarms, version: event.version };
}

function scheduleRow(state: WatchState, event: WatchEvent): Partial<WatchState> {
  switch (event.type) {
    case 'schedule.adopted':
      return { adopted: put(state.adopted, event.data.schedule, event.data) };
    case 'schedule.waiting':
      return { waiting: put(state.waiting, event.data.schedule, event.data) };
    case 'schedule.refused': {
      const { schedule, due, code, message, hint } = event.data;
      return { refused: put(state.refused, schedule, { due, refused: { code, message, hint } }) };
    }
    case 'schedule.heartbeat':
      return event.data.told ? { told: new Set([...state.told, event.data.run]) } : {};
    default:
      return {};
  }
}

function setRow(state: WatchState, event: WatchEvent): Partial<WatchState> {
  switch (event.type) {
    case 'backup.held':
      return { holds: put(state.holds, event.data.set, { ...event.data, at: event.at }) };
    case 'backup.released':
      return { holds: without(state.holds, event.data.set) };
    case 'backup.retention':
      return { lookedThrough: new Set([...state.lookedThrough, event.data.after]) };
    case 'backup.expiring':
      return { expiring: [...state.expiring, { ...event.data, at: event.at }] };
    case 'backup.expired': {
      const expired = new Set([...state.expired, placeKey(event.data.set, event.data.destination)]);
      return { expired, expiring: state.expiring.filter((one) => !isOf(one, event.data)) };
    }
    case 'backup.spared':
    case 'backup.not-expired':
      return { expiring: state.expiring.filter((one) => !isOf(one, event.data)) };
    default:
      return {};
  }
}

/** Without `after`, as older rows and a removal that is done say it: every removal of that set there. */
function isOf(one: Expiring, of: { readonly set: string; readonly destination: string; readonly after?: string }) {
  return one.set === of.set && one.destination === of.destination && (of.after === undefined || one.after === of.after);
}

function put<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return new Map([...map, [key, value]]);
}

function without<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  return new Map([...map].filter(([known]) => known !== key));
}

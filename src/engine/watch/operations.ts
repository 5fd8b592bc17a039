import type { Caller } from '../../runs/person.ts';
import type { Refusal } from '../../runs/refusal.ts';
import type { AlarmState } from '../../schedules/alarms.ts';
import type { ListedSet } from '../ports.ts';
import type { WatchDeps } from './deps.ts';
import type { AcknowledgeRequest, AlarmAnswer, HoldRequest, WatchedGateway, WatchOperations } from './ports.ts';
import { refuse } from '../../runs/refusal.ts';
import { nearest } from '../../runs/words/nearest.ts';
import { isOn } from '../../schedules/alarms.ts';
import { setsOf } from '../commands/list-sets.ts';
import { shortened, unknownGateway } from '../commands/operations-deps.ts';
import { mayNot } from '../commands/rights.ts';
import { expireSets, planExpiry } from './expire.ts';
import { goingNow, placesLeft } from './going.ts';
import { schedulesOf } from './look.ts';

const DAY_MS = 86_400_000;
const MOST_DAYS = 366;

/** What people can ask of schedules, alarms and retention. */
export function createWatchOperations(deps: WatchDeps): WatchOperations {
  return {
    schedules: async (by) => {
      const refusal = await mayNot(deps, { act: 'see the schedules', roles: ['viewer'] }, by);
      if (refusal !== null) return { ok: false, refusal };
      const state = await deps.watchLog.state();
      const all = deps.ports.gateways.map((gateway) => schedulesOf(deps, gateway, state, deps.clock()));
      return { ok: true, schedules: (await Promise.all(all)).flat() };
    },
    alarms: async (by) => {
      const refusal = await mayNot(deps, { act: 'see the alarms', roles: ['viewer'] }, by);
      if (refusal !== null) return { ok: false, refusal };
      return { ok: true, alarms: await alarmsOn(deps) };
    },
    acknowledge: (request, by) => acknowledge(deps, request, by),
    planExpiry: async (name, by) => {
      const refusal = await mayNot(deps, { act: 'see what retention would remove', roles: ['viewer'] }, by);
      if (refusal !== null) return { ok: false, refusal };
      const gateway = watched(deps, name);
      if (gateway === undefined) return { ok: false, refusal: unknownGateway(deps, name) };
      return { ok: true, plans: await planExpiry(deps, gateway, await deps.watchLog.state()) };
    },
    expire: async (name, by) => {
      const refusal = await mayNot(deps, { act: 'remove old sets', roles: ['operator'] }, by);
      if (refusal !== null) return { ok: false, refusal };
      const gateway = watched(deps, name);
      if (gateway === undefined) return { ok: false, refusal: unknownGateway(deps, name) };
      const after = `${by.person} ${deps.clock().toISOString()}`;
      return { ok: true, expired: await expireSets(deps, gateway, { after, by: { kind: 'person', ...by } }) };
    },
    hold: (request, by) => hold(deps, request, by),
    release: (request, by) => release(deps, request, by),
  };
}

async function acknowledge(deps: WatchDeps, request: AcknowledgeRequest, by: Caller): Promise<AlarmAnswer> {
  const refusal = await mayNot(deps, { act: 'acknowledge an alarm', roles: ['operator'] }, by);
  if (refusal !== null) return { ok: false, refusal };
  const on = await alarmsOn(deps);
  const state = on.find(({ alarm }) => alarm === request.alarm);
  if (state === undefined) return { ok: false, refusal: noAlarm(request.alarm, on) };
  if (!isAsShown(state, request)) return { ok: false, refusal: alarmChanged(state) };
  const now = deps.clock();
  const until = request.until === undefined ? new Date(now.getTime() + 7 * DAY_MS) : new Date(request.until);
  const wrong = wrongReason(request.reason) ?? wrongUntil(until, now);
  if (wrong !== null) return { ok: false, refusal: wrong };
  const { alarm, episode, about } = state;
  const reason = request.reason.trim();
  const data = { alarm, episode, person: by.person, reason, until: until.toISOString(), about };
  await deps.watchLog.record({ type: 'alarm.acknowledged', data }, { kind: 'person', ...by }, `ack/${request.key}`);
  const after = (await deps.watchLog.state()).alarms.get(alarm);
  return { ok: true, alarm: after ?? state };
}

function isAsShown({ episode, changes }: AlarmState, { shown }: AcknowledgeRequest): boolean {
  return shown === undefined || (shown.episode === episode && shown.changes === changes);
}

function alarmChanged({ alarm, message }: AlarmState): Refusal {
  return refuse(
    'alarm-changed',
    `${alarm} is not what it was when it was shown, so nothing was recorded. ${message}`,
    'Look at it as it is now, and acknowledge that',
  );
}

async function alarmsOn(deps: WatchDeps): Promise<readonly AlarmState[]> {
  const { alarms } = await deps.watchLog.state();
  return [...alarms.values()].filter(isOn).toSorted((a, b) => (a.raisedAt < b.raisedAt ? -1 : 1));
}

function noAlarm(asked: string, on: readonly AlarmState[]): Refusal {
  const names = on.map(({ alarm }) => alarm);
  const near = nearest(asked, names);
  const known = names.length === 0 ? 'Nothing is wrong now' : `On now: ${names.join(', ')}`;
  return refuse(
    'unknown-alarm',
    `There is no alarm ${shortened(asked)} now`,
    near === null ? known : `Did you mean ${near}?`,
  );
}

function wrongReason(reason: string): Refusal | null {
  const { length } = Array.from(reason.trim());
  if (length >= 10 && length <= 2000) return null;
  return refuse('reason-needed', `A reason has 10 to 2,000 characters; this has ${length}`, 'Say why, then try again');
}

function wrongUntil(until: Date, now: Date): Refusal | null {
  const days = (until.getTime() - now.getTime()) / DAY_MS;
  if (days > 0 && days <= MOST_DAYS) return null;
  return refuse(
    'bad-date',
    `An acknowledgement ends in the future, at most ${MOST_DAYS} days from now`,
    'Give another date',
  );
}

async function hold(deps: WatchDeps, { set, reason }: HoldRequest, by: Caller): ReturnType<WatchOperations['hold']> {
  const refusal = (await mayNot(deps, { act: 'hold a set', roles: ['operator'] }, by)) ?? wrongReason(reason);
  if (refusal !== null) return { ok: false, refusal };
  const before = await deps.watchLog.state();
  const found = await findSet(deps, set);
  if (found === null) return { ok: false, refusal: noSet(set) };
  if (placesLeft(before, found.listed, deps.clock()).length === 0) return { ok: false, refusal: goingNow(set) };
  const data = { set, gateway: found.gateway, person: by.person, reason: reason.trim() };
  await deps.watchLog.record({ type: 'backup.held', data }, { kind: 'person', ...by });
  // A removal that was recorded before this hold may not have seen it.
  const after = await deps.watchLog.state();
  if (placesLeft(after, found.listed, deps.clock(), before).length === 0) {
    const lost = { ...data, reason: 'its removal had already begun' };
    // Somebody else's hold is not ours to end.
    if (!before.holds.has(set)) await deps.watchLog.record({ type: 'backup.released', data: lost }, deps.self);
    return { ok: false, refusal: goingNow(set) };
  }
  return { ok: true, hold: { ...data, at: deps.clock().toISOString() } };
}

async function release(
  deps: WatchDeps,
  { set, reason }: HoldRequest,
  by: Caller,
): ReturnType<WatchOperations['release']> {
  // Whoever wants a set gone must not be the one who asked for the hold to be lifted in passing.
  const refusal = (await mayNot(deps, { act: 'release a held set', roles: ['admin'] }, by)) ?? wrongReason(reason);
  if (refusal !== null) return { ok: false, refusal };
  const held = (await deps.watchLog.state()).holds.get(set);
  if (held === undefined) {
    return { ok: false, refusal: refuse('not-held', `Nobody holds ${shortened(set)}`, 'Nothing to do') };
  }
  const data = { set, gateway: held.gateway, person: by.person, reason: reason.trim() };
  await deps.watchLog.record({ type: 'backup.released', data }, { kind: 'person', ...by });
  return { ok: true };
}

async function findSet(
  deps: WatchDeps,
  set: string,
): Promise<{ readonly gateway: string; readonly listed: ListedSet } | null> {
  const candidates = deps.ports.gateways.filter(({ name }) => set.startsWith(`${name}-`));
  for (const { name } of candidates) {
    const listed = (await setsOf(deps, name)).find((one) => one.set === set);
    if (listed !== undefined) return { gateway: name, listed };
  }
  return null;
}

function noSet(set: string): Refusal {
  return refuse(
    'unknown-set',
    `There is no set ${shortened(set)} in any destination`,
    'kong-chatops backups <gateway> lists them',
  );
}

function watched(deps: WatchDeps, name: string): WatchedGateway | undefined {
  return deps.ports.gateways.find((gateway) => gateway.name === name);
}

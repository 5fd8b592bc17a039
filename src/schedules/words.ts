import type { WatchBody } from './event.ts';

type Tell<T extends WatchBody['type']> = (data: Extract<WatchBody, { type: T }>['data']) => string;

/** One plain sentence for each row of the system stream about schedules, alarms and held sets. */
const TELL: { readonly [T in WatchBody['type']]: Tell<T> } = {
  'schedule.adopted': (data) => `schedule ${data.schedule} is in force: ${data.cron} in ${data.zone}`,
  'schedule.waiting': (data) => `schedule ${data.schedule}, due ${data.due}, waits: ${data.message}`,
  'schedule.refused': (data) => `schedule ${data.schedule}, due ${data.due}, was refused: ${data.message}`,
  'schedule.heartbeat': (data) =>
    `schedule ${data.schedule}: the watcher outside ${data.told ? 'was told of' : 'could not be told of'} ${data.run}${data.told ? '' : ` (${data.why})`}`,
  'alarm.raised': (data) => `alarm ${data.alarm}: ${data.message}`,
  'alarm.changed': (data) => `alarm ${data.alarm} changed: ${data.message}`,
  'alarm.acknowledged': (data) => `alarm ${data.alarm} acknowledged until ${data.until}: ${data.reason}`,
  'alarm.cleared': (data) => `alarm ${data.alarm} is over: ${data.message}`,
  'alarm.posting': (data) => `message of alarm ${data.alarm} (${data.slot}) is about to be posted`,
  'alarm.posted': (data) => `message of alarm ${data.alarm} (${data.slot}) was posted`,
  'alarm.lost': (data) => `message of alarm ${data.alarm} (${data.slot}) could not be posted: ${data.why}`,
  'backup.held': (data) => `set ${data.set} is held: ${data.reason}`,
  'backup.released': (data) => `set ${data.set} is held no longer: ${data.reason}`,
  'backup.spared': (data) =>
    `set ${data.set} stays in ${data.destination} after all, somebody needs it: ${data.why.join('; ')}`,
  'backup.expiring': (data) => `set ${data.set} is being removed from ${data.destination} (${data.after})`,
  'backup.expired': (data) => `set ${data.set} was removed from ${data.destination}`,
  'backup.retention': (data) => `old sets of ${data.gateway} are looked through after ${data.after}`,
  'backup.not-expired': (data) => `set ${data.set} stays in ${data.destination}: ${data.message}`,
};

/** What happened, in plain text: whoever shows it escapes it. */
export function tellWatch(event: Pick<WatchBody, 'type' | 'data'>): string {
  // The table pairs each type with its own data; the compiler cannot follow that through a lookup.
  return (TELL[event.type] as (data: WatchBody['data']) => string)(event.data);
}

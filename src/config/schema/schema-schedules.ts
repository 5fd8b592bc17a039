import { z } from 'zod';
import { isCron } from '../../schedules/cron.ts';
import { isZone } from '../../schedules/zone.ts';
import { secretReference } from './pieces.ts';

const cron = z
  .string()
  .refine(
    isCron,
    'five fields that come to pass: minute hour day month weekday, e.g. "30 2 * * *" for 02:30 every night',
  );
const zone = z.string().refine(isZone, 'a time zone of the IANA database, e.g. Europe/Berlin or UTC');

const schedule = z.strictObject({
  cron,
  zone: zone.default('UTC'),
  /** Address of a watcher outside (a dead man's switch), called only after `verified`. It is a secret: who knows it can lie. */
  heartbeat: secretReference.optional(),
});

/** What is done by itself. Approved by standing here: the file's digest goes into the audit, and nobody is asked. */
const schedules = z
  .strictObject({
    backup: schedule.optional(),
    /** Left out: monthly (04:00 UTC on the first) where drills.database_url is set and the gateway names its database. */
    drill: z.union([z.literal('none'), schedule], 'none, or a mapping with cron').optional(),
  })
  .prefault({});

const alarms = z
  .strictObject({
    /** Left out: the longest pause of the backup schedule and three hours; without a schedule no alarm. */
    verified_within_hours: z.number().min(1).max(10_000).optional(),
    /** Left out: the longest pause of the drill schedule and a day; without a schedule no alarm. */
    drilled_within_hours: z.number().min(1).max(100_000).optional(),
  })
  .prefault({});

const count = (standard: number) => z.int().min(0).max(1000).default(standard);
/** What a destination keeps of each gateway. Left out: everything, for ever. */
export const retention = z.strictObject({
  last: count(3),
  daily: count(14),
  weekly: count(8),
  monthly: count(12),
  yearly: count(3),
  /** Safety backups of restores, and sets that were never verified, stay so many days. */
  safety_days: z.int().min(1).max(3660).default(30),
});

export const watchParts = { schedules, alarms };
export type ScheduleConfig = z.infer<typeof schedule>;
export type RetentionConfig = z.infer<typeof retention>;

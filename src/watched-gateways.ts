import { secretHere } from './config/secret.ts';
import type { Config, GatewayConfig } from './config/schema.ts';
import type { RetentionConfig, ScheduleConfig } from './config/schema/schema-schedules.ts';
import type { Watch, WatchedGateway, WatchPorts } from './engine/watch/ports.ts';
import type { Keep } from './schedules/retention.ts';
import type { Schedule, ScheduleKind } from './schedules/schedule.ts';
import { callHeartbeat } from './operations/heartbeat.ts';
import { isAcknowledged } from './schedules/alarms.ts';
import { scheduleId } from './schedules/schedule.ts';
import { openDestination } from './steps/deps.ts';

/** Drills are monthly by default, once there is a server for them. */
const MONTHLY = { cron: '0 4 1 * *', zone: 'UTC' } as const;

/** What schedules, alarms and retention need of the world, from the configuration in force. */
export function watchPorts(config: Config): WatchPorts {
  return {
    gateways: config.gateways.map((gateway) => watchedGateway(config, gateway)),
    remove: async ({ destination, gateway, set }) =>
      await openDestination(config, destination).remove({ gateway, set }),
    heartbeat: (id) => {
      const address = config.gateways.flatMap((gateway) =>
        [scheduled(config, gateway, 'backup'), scheduled(config, gateway, 'drill')].flatMap((one) =>
          one !== null && one.schedule.id === id ? [one.heartbeat] : [],
        ),
      )[0];
      // A worker may not be given it: then the bot, which looks as well, makes the call.
      const url = address === undefined ? null : secretHere(config, address);
      return url === null ? null : callHeartbeat(url, id);
    },
  };
}

function watchedGateway(config: Config, gateway: GatewayConfig): WatchedGateway {
  const { name, channel, alarms } = gateway;
  const schedules = (['backup', 'drill'] as const).flatMap((kind) => scheduled(config, gateway, kind)?.schedule ?? []);
  return {
    name,
    channel,
    schedules,
    zone: gateway.schedules.backup?.zone ?? 'UTC',
    rules: {
      ...(alarms.verified_within_hours === undefined ? {} : { verifiedWithinHours: alarms.verified_within_hours }),
      ...(alarms.drilled_within_hours === undefined ? {} : { drilledWithinHours: alarms.drilled_within_hours }),
    },
    destinations: gateway.destinations.map((destination) => {
      const retention = config.destinations.find((known) => known.name === destination)?.retention;
      return { name: destination, keep: retention === undefined ? null : keepOf(retention) };
    }),
  };
}

function scheduled(
  config: Config,
  gateway: GatewayConfig,
  kind: ScheduleKind,
): { readonly schedule: Schedule; readonly heartbeat?: ScheduleConfig['heartbeat'] } | null {
  const { name, schedules } = gateway;
  const timing = kind === 'backup' ? schedules.backup : drillTiming(config, gateway);
  if (timing === undefined) return null;
  const { cron, zone } = timing;
  const schedule = { id: scheduleId(name, kind), gateway: name, kind, cron, zone };
  const heartbeat = 'heartbeat' in timing ? timing.heartbeat : undefined;
  return heartbeat === undefined ? { schedule } : { schedule, heartbeat };
}

function drillTiming(config: Config, { schedules, database }: GatewayConfig) {
  if (schedules.drill === 'none') return undefined;
  if (schedules.drill !== undefined) return schedules.drill;
  return config.drills.database_url === undefined || database === undefined ? undefined : MONTHLY;
}

function keepOf({ last, daily, weekly, monthly, yearly, safety_days: safetyDays }: RetentionConfig): Keep {
  return { last, daily, weekly, monthly, yearly, safetyDays };
}

/** What a scrape asks of schedules and alarms. */
export function watchSources(config: Config, watch: () => Watch) {
  const all = async () => await Promise.all(config.gateways.map(async ({ name }) => await watch().of(name)));
  const dateOf = (iso: string | null): Date | null => (iso === null ? null : new Date(iso));
  return {
    schedules: async () =>
      (await all()).flatMap(({ schedules }) =>
        schedules.map(({ gateway, kind, next, owed }) => ({ gateway, kind, next: dateOf(next), owed: dateOf(owed) })),
      ),
    alarms: async () =>
      (await all()).flatMap(({ alarms }) =>
        alarms.map((state) => ({
          gateway: state.gateway,
          alarm: state.alarm,
          acknowledged: isAcknowledged(state, new Date()),
        })),
      ),
  };
}

import { Gauge, type Registry } from 'prom-client';

export interface ScheduleMetric {
  readonly gateway: string;
  readonly kind: string;
  readonly next: Date | null;
  /** A time that came and was not answered yet, else null. */
  readonly owed: Date | null;
}
export interface AlarmMetric {
  readonly gateway: string;
  readonly alarm: string;
  /** Somebody stands for it. */
  readonly acknowledged: boolean;
}

/** Gauges of schedules and alarms, filled from their sources just before they are read. */
export interface WatchGauges {
  readonly reset: () => void;
  readonly schedules: (schedules: readonly ScheduleMetric[]) => void;
  readonly alarms: (alarms: readonly AlarmMetric[]) => void;
}

export function watchGauges(registry: Registry, clock: () => Date): WatchGauges {
  const registers = [registry];
  const labelNames = ['gateway', 'kind'];
  const next = new Gauge({
    name: 'kong_chatops_schedule_next_timestamp_seconds',
    help: 'When a schedule comes next, as Unix time.',
    labelNames,
    registers,
  });
  const overdue = new Gauge({
    name: 'kong_chatops_schedule_overdue_seconds',
    help: 'For how long a schedule has been due without having begun; 0 when nothing is owed.',
    labelNames,
    registers,
  });
  const alarm = new Gauge({
    name: 'kong_chatops_alarm',
    help: 'Alarms that are on: 1, by whether somebody acknowledged them.',
    labelNames: ['gateway', 'alarm', 'acknowledged'],
    registers,
  });
  return {
    reset: () => {
      for (const each of [next, overdue, alarm]) each.reset();
    },
    schedules: (schedules) => {
      for (const { gateway, kind, next: at, owed } of schedules) {
        if (at !== null) next.set({ gateway, kind }, at.getTime() / 1000);
        const late = owed === null ? 0 : Math.max(0, (clock().getTime() - owed.getTime()) / 1000);
        overdue.set({ gateway, kind }, late);
      }
    },
    alarms: (alarms) => {
      for (const one of alarms) {
        alarm.set({ gateway: one.gateway, alarm: one.alarm, acknowledged: String(one.acknowledged) }, 1);
      }
    },
  };
}

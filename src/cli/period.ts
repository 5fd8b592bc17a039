import { refuse, type Refusal } from '../runs/refusal.ts';

const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400, w: 604_800 };

/** A point in time as people type it: `2026-11-21`, an ISO time, or how long ago: `90m`, `24h`, `7d`, `2w`. ISO out. */
export function parseTime(text: string, now: Date): string | Refusal {
  const ago = /^(\d{1,6})([mhdw])$/.exec(text);
  const unit = UNIT_SECONDS[ago?.[2] ?? ''];
  if (ago !== null && unit !== undefined) return new Date(now.getTime() - Number(ago[1]) * unit * 1000).toISOString();
  // Without a zone a time would mean something else on each machine: a bare one is UTC.
  const iso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(text);
  const zoned = iso === null || iso[1] === undefined || iso[4] !== undefined ? text : `${text}Z`;
  const time = iso === null ? Number.NaN : Date.parse(zoned);
  if (Number.isNaN(time)) {
    return refuse(
      'bad-time',
      `"${text}" is no time`,
      'Write 2026-11-21, 2026-11-21T12:00Z, or how long ago: 90m, 24h, 7d',
    );
  }
  return new Date(time).toISOString();
}

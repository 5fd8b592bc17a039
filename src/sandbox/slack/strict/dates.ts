/**
 * Draws Slack's date tokens (`<!date^1795226400^{date_short_pretty} {time}|2026-11-21 02:00 UTC>`) the way Slack's own
 * clients do, because local-slack shows them as they are. Walks strings, lists and objects; changes nothing else.
 */
export function drawDates<T>(value: T, now: Date = new Date()): T {
  if (typeof value === 'string') return drawText(value, now) as T;
  if (Array.isArray(value)) return value.map((one: unknown) => drawDates(one, now)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, drawDates<unknown>(one, now)])) as T;
}

const TOKEN = /<!date\^(\d+)\^([^|>^]+)(?:\^[^|>]*)?\|[^>]*>/g;

function drawText(text: string, now: Date): string {
  return text.replaceAll(TOKEN, (_, seconds: string, format: string) => {
    const at = new Date(Number(seconds) * 1000);
    return format.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => FORMATS[name]?.(at, now) ?? placeholder);
  });
}

type Format = (at: Date, now: Date) => string;

const inWords = (options: Intl.DateTimeFormatOptions): Format => {
  const format = new Intl.DateTimeFormat('en-US', options);
  return (at) => format.format(at);
};
const short = inWords({ year: 'numeric', month: 'short', day: 'numeric' });
const long = inWords({ weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' });
const plain = inWords({ year: 'numeric', month: 'long', day: 'numeric' });

/** "today" and "yesterday" where they apply. */
const pretty = (otherwise: Format): Format => {
  return (at, now) => {
    const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
    const word = days === 0 ? 'today' : days === 1 ? 'yesterday' : days === -1 ? 'tomorrow' : null;
    return word ?? otherwise(at, now);
  };
};

function midnight(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

/** The placeholders that Slack documents (messaging/formatting-message-text), in the machine's own time zone. */
const FORMATS: Readonly<Record<string, Format>> = {
  date_num: (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
  date: plain,
  date_short: short,
  date_long: long,
  date_pretty: pretty(plain),
  date_short_pretty: pretty(short),
  date_long_pretty: pretty(long),
  time: inWords({ hour: 'numeric', minute: '2-digit' }),
  time_secs: inWords({ hour: 'numeric', minute: '2-digit', second: '2-digit' }),
};

function two(value: number): string {
  return String(value).padStart(2, '0');
}

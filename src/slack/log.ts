import { LogLevel, type Logger } from '@slack/bolt';

/** Structured log; the same shape as pino's. */
export interface SlackLog {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Slack's libraries log into ours instead of the console. Their debug level prints whole payloads and stays off. */
export function libraryLogger(log: SlackLog, name: string): Logger {
  let label = name;
  const message = (parts: readonly unknown[]): string =>
    parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' ');
  return {
    debug: () => undefined,
    info: (...parts) => log.debug({ library: label }, message(parts)),
    warn: (...parts) => log.warn({ library: label }, message(parts)),
    error: (...parts) =>
      log.error({ library: label, error: parts.find((part) => part instanceof Error) }, message(parts)),
    setLevel: () => undefined,
    getLevel: () => LogLevel.INFO,
    setName: (given) => {
      label = given;
    },
  };
}

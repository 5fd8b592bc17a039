import { hostname } from 'node:os';
import { pino, type DestinationStream, type Logger } from 'pino';
import { redactKnown, redactValue } from '../runs/words/redact.ts';

/** The structured log of the process: one JSON object a line, times in ISO 8601, every line redacted. */
export type Log = Logger;

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Literal secrets of this process, hidden wherever they turn up. */
  readonly secrets?: readonly string[];
  /** Default: standard output. A terminal command logs to standard error, its output is its own. */
  readonly destination?: DestinationStream;
}

/**
 * Redaction happens on the finished line, so that nothing can get round it: bindings of children, errors with their
 * causes, messages, and what libraries log through it.
 */
export function createLog(options: LogOptions): Log {
  const secrets = options.secrets ?? [];
  const settings = {
    level: options.level,
    base: { pid: process.pid, host: hostname() },
    timestamp: pino.stdTimeFunctions.isoTime,
    // pino writes an Error under any other name than `err` as {}.
    serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err, cause: pino.stdSerializers.err },
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: (line: string) => redactLine(line, secrets) },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** A log line without secrets, still one line of JSON. */
export function redactLine(line: string, secrets: readonly string[]): string {
  try {
    return `${JSON.stringify(redactValue(JSON.parse(line), secrets))}\n`;
  } catch {
    // Never seen: pino writes JSON. A line that is not must still be safe.
    return `${JSON.stringify({ level: 'error', msg: redactKnown(line.trim(), secrets) })}\n`;
  }
}

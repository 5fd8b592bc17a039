import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Command, Finished, RunCommand } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import { commonArguments, deckEnvironment } from './deck-environment.ts';
import type { DeckOptions } from './deck-environment.ts';
import { faultOfDeck, withoutSecrets } from './deck-faults.ts';

export interface DeckDump {
  /** Null: no `-w`. On Kong OSS `default` counts as null, and any other is refused. */
  readonly workspace: string | null;
  /** On the worker, 0600, wherever decK runs. */
  readonly outFile: string;
  readonly withId: boolean;
  /** RBAC roles and their endpoints alone, which a file of anything else may not hold. */
  readonly rbacOnly?: boolean;
  /** Only entities with all of these. */
  readonly selectTags?: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
}
export interface DeckDumped {
  readonly bytes: number;
  readonly seconds: number;
  /** decK's own warnings, one line each. */
  readonly warnings: readonly string[];
}

export interface DeckChange {
  readonly action: 'create' | 'update' | 'delete';
  readonly kind: string;
  readonly name: string;
}

/** Runs decK against one gateway. Every method throws a Fault (`deck.…`), or the signal's reason once aborted. */
export interface Deck {
  /** Answers Kong's version as decK reads it. */
  ping(signal?: AbortSignal): Promise<string>;
  dump(request: DeckDump): Promise<DeckDumped>;
}

/** Of what decK writes. A diff carries every changed entity in full. */
export const KEEP_BYTES = 64 * 1024 * 1024;

export function deckFor(options: DeckOptions): Deck {
  return {
    async ping(signal) {
      const finished = await gateway(options, 'ping', [], { signal });
      const version = /^Kong version:\s+(\S+)/m.exec(finished.stdout)?.[1];
      if (version !== undefined) return version;
      throw strange(options, 'ping', 'it did not name a version of Kong');
    },
    dump: (request) => dump(options, request),
  };
}

async function dump(options: DeckOptions, request: DeckDump): Promise<DeckDumped> {
  // Where decK does not see our files it writes to its standard output, and we write the file.
  const streamed = !options.run.sameHost;
  const args = [
    '--output-file',
    streamed ? '-' : request.outFile,
    '--yes',
    ...(request.withId ? ['--with-id'] : []),
    ...(request.rbacOnly === true ? ['--rbac-resources-only'] : []),
    ...(request.selectTags ?? []).flatMap((tag) => ['--select-tag', tag]),
    ...workspaceArguments(options, request.workspace),
  ];
  const outFile = streamed ? request.outFile : undefined;
  const finished = await gateway(options, 'dump', args, { ...request, outFile });
  const file = await stat(request.outFile).catch(() => null);
  if (file === null || file.size === 0) throw strange(options, 'dump', 'it ended well and wrote nothing');
  return { bytes: file.size, seconds: finished.seconds, warnings: warningsOf(finished, options.token) };
}

/** Go writes an empty list as null. */
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
/** `body` is the whole entity before and after, with its secrets; for people there are name and kind. */
const changed = list(
  z.object({
    name: z.string(),
    kind: z.string(),
    body: z.object({ old: z.unknown().optional(), new: z.unknown().optional() }).nullish(),
  }),
);
const count = z.int().min(0).default(0);
const reportSchema = z.object({
  changes: z.object({ creating: changed, updating: changed, deleting: changed }),
  /** What ended well, counted by decK apart from the lists above. */
  summary: z.object({ creating: count, updating: count, deleting: count }),
  errors: list(z.string()),
});

export type DeckReport = z.infer<typeof reportSchema>;

/** decK's report; warnings and notices may stand before it. Null when there is none. */
export function readReport(finished: Pick<Finished, 'stdout'>): DeckReport | null {
  const start = /^\{/m.exec(finished.stdout)?.index;
  if (start === undefined) return null;
  try {
    const parsed = reportSchema.safeParse(JSON.parse(finished.stdout.slice(start)));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/**
 * Runs `deck gateway …` to its good end. Address and token go by the environment, which only we and root can read;
 * --verbose is never set, because it prints the token.
 */
export async function gateway(
  options: DeckOptions,
  doing: string,
  args: readonly string[],
  { signal, onLine, input, outFile, group = 'gateway' }: Streams,
): Promise<Finished> {
  signal?.throwIfAborted();
  const command: Command = {
    program: options.deck.program,
    args: [group, doing, ...args, ...commonArguments(options)],
    env: await deckEnvironment(options),
    timeoutMs: options.timeoutMs,
    keep: KEEP_BYTES,
    ...(input === undefined ? {} : { input }),
    ...(signal === undefined ? {} : { signal }),
    ...(onLine === undefined
      ? {}
      : { onLine: (_: string, line: string) => onLine(withoutSecrets(line, options.token)) }),
  };
  const finished = await (outFile === undefined ? options.run.run(command) : runInto(options.run, command, outFile));
  signal?.throwIfAborted();
  if (finished.exitCode === 0) return finished;
  throw faultOfDeck({ gateway: options.gateway, doing, finished, token: options.token });
}

export interface Streams {
  /** `file`: without Kong. */
  readonly group?: 'gateway' | 'file';
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
  readonly input?: Readable | undefined;
  /** Where standard output goes; without it that is kept as text. */
  readonly outFile?: string | undefined;
}

async function runInto(run: RunCommand, command: Command, outFile: string): Promise<Finished> {
  const running = run.start(command);
  running.stdin.end();
  const written = pipeline(running.stdout, createWriteStream(outFile, { mode: 0o600 }));
  written.catch(() => running.kill());
  const finished = await running.done;
  await written;
  return finished;
}

export function workspaceArguments({ edition, gateway }: DeckOptions, workspace: string | null): string[] {
  if (workspace === null) return [];
  if (edition === 'enterprise') return ['--workspace', workspace];
  // Kong OSS refuses even its own default workspace when it is named.
  if (workspace === 'default') return [];
  throw new Fault(
    'deck.no-workspaces',
    `${gateway} is a Kong OSS gateway and has no workspace ${workspace}.`,
    'Take "workspaces" out of this gateway in the configuration.',
  );
}

export function warningsOf(finished: Finished, token?: string): string[] {
  const lines = `${finished.stderr}\n${finished.stdout}`.split('\n');
  const warnings = lines.filter((line) => line.startsWith('Warning: ')).map((line) => line.slice('Warning: '.length));
  return [...new Set(warnings.map((line) => withoutSecrets(line, token)))];
}

export function strange(
  options: DeckOptions,
  doing: string,
  what: string,
  { retryable = false }: { readonly retryable?: boolean } = {},
): Fault {
  return new Fault(
    'deck.strange',
    `decK ${options.deck.version} ran "deck gateway ${doing}" on ${options.gateway}, and ${what}.`,
    'Run the same command by hand where the bot runs, or try another version of decK.',
    { retryable },
  );
}

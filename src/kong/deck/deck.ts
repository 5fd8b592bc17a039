import { createReadStream, createWriteStream } from 'node:fs';
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

export interface DeckDiff {
  /** On the worker. */
  readonly file: string;
  readonly workspace: string | null;
  readonly signal?: AbortSignal | undefined;
}
/** What a sync of the file would do. Counts and kinds only: decK's bodies hold secrets. */
export interface DeckDiffed {
  readonly creating: number;
  readonly updating: number;
  readonly deleting: number;
  readonly changes: readonly DeckChange[];
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
  diff(request: DeckDiff): Promise<DeckDiffed>;
}

/** A diff carries every changed entity in full. */
const KEEP_BYTES = 64 * 1024 * 1024;

export function deckFor(options: DeckOptions): Deck {
  return {
    async ping(signal) {
      const finished = await gateway(options, 'ping', [], { signal });
      const version = /^Kong version:\s+(\S+)/m.exec(finished.stdout)?.[1];
      if (version !== undefined) return version;
      throw strange(options, 'ping', 'it did not name a version of Kong');
    },
    dump: (request) => dump(options, request),
    diff: (request) => diff(options, request),
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

async function diff(options: DeckOptions, request: DeckDiff): Promise<DeckDiffed> {
  const streamed = !options.run.sameHost;
  const file = streamed ? '-' : request.file;
  const args = [file, '--json-output', ...workspaceArguments(options, request.workspace)];
  const input = streamed ? createReadStream(request.file) : undefined;
  const finished = await gateway(options, 'diff', args, { ...request, input });
  const report = readReport(finished);
  if (report === null) throw strange(options, 'diff', 'its report cannot be read');
  // With --json-output decK ends with 0 although it failed, and tells so only here.
  const [error] = report.errors;
  if (error !== undefined)
    throw faultOfDeck({
      gateway: options.gateway,
      doing: 'diff',
      token: options.token,
      finished: { ...finished, exitCode: 1, stderr: `Error: ${error}` },
    });
  const { creating, updating, deleting } = report.changes;
  const list = (action: DeckChange['action'], changes: readonly { kind: string; name: string }[]): DeckChange[] =>
    changes.map(({ kind, name }) => ({ action, kind, name }));
  return {
    creating: creating.length,
    updating: updating.length,
    deleting: deleting.length,
    changes: [...list('create', creating), ...list('update', updating), ...list('delete', deleting)],
    warnings: warningsOf(finished, options.token),
  };
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
const reportSchema = z.object({
  changes: z.object({ creating: changed, updating: changed, deleting: changed }),
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

export function strange(options: DeckOptions, doing: string, what: string): Fault {
  return new Fault(
    'deck.strange',
    `decK ${options.deck.version} ran "deck gateway ${doing}" on ${options.gateway}, and ${what}.`,
    'Run the same command by hand where the bot runs, or try another version of decK.',
  );
}

import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Finished } from '../../run-command/command.ts';
import { Fault } from '../../runs/fault.ts';
import type { DeckChange, DeckReport } from './deck.ts';
import { gateway, KEEP_BYTES, readReport, strange, warningsOf, workspaceArguments } from './deck.ts';
import type { DeckOptions } from './deck-environment.ts';
import { faultOfDeck, withoutSecrets } from './deck-faults.ts';

/** A declarative file and the workspace that it is for. */
export interface DeckFile {
  /** On the worker. */
  readonly file: string;
  /** Null: no `-w`. */
  readonly workspace: string | null;
  /** CA certificates are the same in every workspace: a file without them would delete them (facts A8). */
  readonly skipCaCertificates: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
}

/** A change with the whole entity before and after it. Bodies hold secrets: they stay in this process. */
export interface DeckEntry extends DeckChange {
  readonly before: unknown;
  readonly after: unknown;
}

export interface DeckSynced {
  /** As decK lists them; its list can be short of some that were made at the same time as others. */
  readonly done: readonly DeckEntry[];
  /** By decK's count, which is short of none. */
  readonly deleted: number;
  readonly updated: number;
  /** What decK could not do, one sentence each without secrets. Empty is good; its exit code says nothing. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** What takes declarative files to a gateway. Every method throws a Fault (`deck.…`), or the signal's reason once aborted. */
export interface DeckChanges {
  /** Without Kong: that it is a declarative file and its references hold. */
  validateFile(request: DeckFile): Promise<void>;
  /** By Kong's schemas: changes nothing. */
  validateOnline(request: DeckFile & { readonly parallelism: number }): Promise<void>;
  /** Everything that a sync would do now. */
  differences(request: DeckFile): Promise<readonly DeckEntry[]>;
  /** Does it. Once begun, what Kong refuses is answered and not thrown: the rest may have been done. */
  sync(request: DeckFile & { readonly parallelism: number }): Promise<DeckSynced>;
}

export function deckChanges(options: DeckOptions): DeckChanges {
  return {
    async validateFile(request) {
      await checked(options, request, () =>
        gateway(options, 'validate', [path(options, request)], fileStreams(request)),
      );
    },
    async validateOnline(request) {
      const args = [path(options, request), ...parallel(request), ...workspaceArguments(options, request.workspace)];
      await checked(options, request, () => gateway(options, 'validate', args, streams(options, request)));
    },
    async differences(request) {
      const { report, finished } = await reported(options, 'diff', { ...request, parallelism: ONE_BY_ONE });
      const [error] = report.errors;
      if (error === undefined) return allOf(options, report);
      throw faultOfDeck({
        gateway: options.gateway,
        doing: 'diff',
        token: options.token,
        finished: { ...finished, exitCode: 1, stderr: `Error: ${error}` },
      });
    },
    async sync(request) {
      const { report, finished } = await reported(options, 'sync', request);
      return {
        done: entriesOf(report),
        deleted: report.summary.deleting,
        updated: report.summary.updating,
        errors: report.errors.map((error) => withoutSecrets(error.replaceAll(/\s+/g, ' ').trim(), options.token)),
        warnings: warningsOf(finished, options.token),
      };
    },
  };

  function fileStreams(request: DeckFile): { group: 'file'; input?: Readable; signal?: AbortSignal | undefined } {
    return { ...streams(options, request), group: 'file' };
  }
}

/** decK's parallel workers write into its list of changes without a lock, and lose some of them; a diff asks Kong nothing here. */
const ONE_BY_ONE = 1;

/** What is approved must be all of it: decK's list is held to its count, in which a workspace that it makes is not. */
function allOf(options: DeckOptions, report: DeckReport): readonly DeckEntry[] {
  const entries = entriesOf(report);
  const { creating, updating, deleting } = report.summary;
  const counted = creating + updating + deleting;
  const listed = entries.filter(({ kind }) => kind !== 'workspace').length;
  if (listed >= counted) return entries;
  throw strange(options, 'diff', `it counted ${counted} changes and listed ${listed}`, { retryable: true });
}

/** With --json-output decK ends with 0 although it failed, and tells so only in its report. */
async function reported(
  options: DeckOptions,
  doing: 'diff' | 'sync',
  request: DeckFile & { readonly parallelism: number },
): Promise<{ report: DeckReport; finished: Finished }> {
  const args = [
    path(options, request),
    '--json-output',
    // It would mask every text that is in its environment, also in names, and the report goes nowhere.
    '--no-mask-deck-env-vars-value',
    ...parallel(request),
    ...(request.skipCaCertificates ? ['--skip-ca-certificates'] : []),
    ...workspaceArguments(options, request.workspace),
  ];
  const finished = await gateway(options, doing, args, streams(options, request));
  const report = readReport(finished);
  if (report !== null) return { report, finished };
  throw finished.stdoutBytes > KEEP_BYTES
    ? tooLong(options, doing)
    : strange(options, doing, 'its report cannot be read');
}

function tooLong({ gateway: name }: DeckOptions, doing: string): Fault {
  return new Fault(
    'deck.too-much',
    `The report of "deck gateway ${doing}" on ${name} is longer than the ${KEEP_BYTES / 1024 ** 2} MB that the bot reads: it carries every entity that changes, before and after.`,
    'Restore the database of the set, or chosen entities alone (--only).',
  );
}

function entriesOf({ changes: { creating, updating, deleting } }: DeckReport): DeckEntry[] {
  const list = (action: DeckChange['action'], changes: DeckReport['changes']['creating']): DeckEntry[] =>
    changes.map(({ kind, name, body }) => ({ action, kind, name, ...sides(action, body?.old, body?.new) }));
  return [...list('create', creating), ...list('update', updating), ...list('delete', deleting)];
}

/** What goes away decK calls new, and nothing the old. */
function sides(action: DeckChange['action'], old: unknown, made: unknown): Pick<DeckEntry, 'before' | 'after'> {
  if (action === 'delete') return { before: old ?? made ?? null, after: null };
  return { before: old ?? null, after: made ?? null };
}

/** Where decK does not see our files they come by its standard input. */
function path({ run }: DeckOptions, { file }: DeckFile): string {
  return run.sameHost ? file : '-';
}

function streams({ run }: DeckOptions, { file, signal, onLine }: DeckFile) {
  return {
    ...(run.sameHost ? {} : { input: createReadStream(file) }),
    ...(signal === undefined ? {} : { signal }),
    ...(onLine === undefined ? {} : { onLine }),
  };
}

function parallel({ parallelism }: { readonly parallelism: number }): string[] {
  return ['--parallelism', String(Math.max(1, parallelism))];
}

/** Turns "decK failed" into what is wrong with the file; a Kong that does not answer stays what it is. */
async function checked(options: DeckOptions, { workspace }: DeckFile, work: () => Promise<Finished>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'deck.failed') throw error;
    const said = error.message.replace(/^"deck gateway validate" failed on [^:]+: /, '');
    throw new Fault(
      'declarative.invalid',
      `${options.gateway} would not take the declarative file${workspace === null ? '' : ` of workspace ${workspace}`}: ${said}`,
      'Nothing was changed. Restore a set of this version of Kong and its plugins, or the database of this set.',
      { cause: error },
    );
  }
}

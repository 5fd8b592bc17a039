import type { RunCommand } from '../run-command/command.ts';
import type { Tool } from './tools.ts';

export type OnTable = (done: number, total: number, name: string) => void;

export interface PgDump {
  readonly pgDump: Tool;
  /** From `databaseEnvironment`. */
  readonly env: Readonly<Record<string, string>>;
  /** Created by pg_dump: must not exist, its parent must. */
  readonly outDir: string;
  readonly jobs: number;
  /** From `exportSnapshot`; null takes one of its own. */
  readonly snapshot: string | null;
  /** 0 to 9, gzip. */
  readonly compressLevel: number;
  /** How many tables there are, for `onTable`. */
  readonly tables: number;
  /** Seconds to wait for a lock that somebody else holds. Default 30. */
  readonly lockWaitSeconds?: number;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Called when a table is done; names as pg_dump writes them: `public.services`. */
  readonly onTable?: OnTable;
}

export interface PgRestore {
  readonly pgRestore: Tool;
  /** A dump in directory format (or an archive file). */
  readonly archive: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface ArchiveList {
  readonly database: string;
  readonly format: string;
  readonly serverVersion: string;
  readonly dumpVersion: string;
  readonly entries: number;
  /** Tables whose rows are in it: `public.services`. */
  readonly tables: readonly string[];
}

/** Dumps in directory format. Faults `dump.…`; what it wrote until then is left for the caller to remove. */
export declare function pgDump(run: RunCommand, request: PgDump): Promise<{ readonly seconds: number }>;
/** Reads the whole archive, every row of it (a list of contents proves nothing). Fault `archive.corrupt`. */
export declare function pgRestoreRead(
  run: RunCommand,
  request: PgRestore & { readonly tables?: number; readonly onTable?: OnTable },
): Promise<{ readonly seconds: number }>;
/** The archive's table of contents. Fault `archive.corrupt`. */
export declare function pgRestoreList(run: RunCommand, request: PgRestore): Promise<ArchiveList>;

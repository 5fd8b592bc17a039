import type { Readable, Writable } from 'node:stream';

/** A value that is kept in a 0600 file of this command alone; the variable holds the file's path. Gone with the command. */
export interface SecretFile {
  readonly file: string;
}

/** Names to values; a program's secrets go by files, because an environment is handed on to children. */
export type Environment = Readonly<Record<string, string | SecretFile>>;

/** One program near a gateway. Started by an argument array, never through a shell; secrets never in `args`. */
export interface Command {
  /** A name looked up on the runner's PATH, or an absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  /**
   * The complete environment beside PATH, LANG=C.UTF-8 and a private HOME and TMPDIR (which it may replace).
   * Nothing ambient leaks: no DECK_*, KONNECT, PG*.
   */
  readonly env?: Environment;
  readonly cwd?: string;
  /** Standard input. Without it `run` gives an empty one. `start` ignores it: write to its `stdin`. */
  readonly input?: string | Readable;
  /** Aborting ends the whole process group: TERM, then KILL. */
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Each line as it comes. Of a program that `start` began, standard error alone: its output is for whoever talks to it. */
  readonly onLine?: (stream: 'stdout' | 'stderr', line: string) => void;
  /** Bytes kept of each stream, half from its start and half from its end; the rest is only counted. Default 1 MiB. */
  readonly keep?: number;
}

export interface Finished {
  /** Null when a signal ended it, or when it never ran (`notFound`). */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** All bytes that came, kept or not. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly seconds: number;
  readonly aborted: boolean;
  readonly timedOut: boolean;
  readonly notFound: boolean;
}

/** A program that is talked to. The caller reads `stdout`, so `done` has none of it. */
export interface Running {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Never rejects for an exit code; rejects with a Fault where `run` throws one. */
  readonly done: Promise<Finished>;
  kill(): void;
}

export interface FileEntry {
  /** Absolute. */
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link' | 'socket' | 'other';
  readonly bytes: number;
  /** Permission bits, e.g. 0o640. */
  readonly mode: number;
  readonly modifiedAt: Date;
}

/**
 * One way to run programs and read files where a gateway is: on the worker's machine, or over ssh, `docker exec` or
 * `kubectl exec`. Every kind passes the same tests.
 *
 * File operations throw a Fault: `file.missing`, `file.forbidden`, `file.failed`.
 */
export interface RunCommand {
  /** `local`, and for others a name that fits into messages: `kong-1.example.com (ssh)`. */
  readonly where: string;
  /**
   * Whether programs see the worker's own files. Where false, a path of the worker means nothing to a program: what it
   * takes and gives goes by its standard streams, and its HOME and TMPDIR are the private ones.
   */
  readonly sameHost: boolean;
  /**
   * Resolves whatever the exit code. Throws a Fault when no program can be started there, or when the way to it broke
   * (`ssh.…`, `docker.…`, `kubectl.…`, `command.…`).
   */
  run(command: Command): Promise<Finished>;
  start(command: Command): Running;
  /** Throws `file.too-large` beyond `maxBytes` (default 64 MiB). */
  readFile(path: string, options?: { readonly maxBytes?: number }): Promise<Buffer>;
  /** Creates or replaces it with exactly these permission bits (default 0o600). */
  writeFile(path: string, content: string | Buffer, options?: { readonly mode?: number }): Promise<void>;
  /** The entries of a folder sorted by path; with `deep` those of all its folders. Links are listed, not followed. */
  listFiles(path: string, options?: { readonly deep?: boolean }): Promise<FileEntry[]>;
  /** One entry, links followed; null when there is none. */
  fileEntry(path: string): Promise<FileEntry | null>;
  /** What an ordinary user may still write on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
}

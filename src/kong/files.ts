import type { Gap } from '../runbooks/backup.ts';
import type { RunCommand } from '../run-command/command.ts';

export interface GatewayFiles {
  readonly kongConf: string;
  readonly prefix: string;
}

export interface SavedFile {
  /** Where it lies on the gateway, absolute. */
  readonly path: string;
  /** Its place inside the artifact: the path without its leading slash. */
  readonly name: string;
  readonly mode: number;
  readonly modifiedAt: Date;
  readonly content: Buffer;
  /** What led to it: `kong.conf`, `prefix`, or the key of kong.conf that names it. */
  readonly because: string;
  /** Keys whose values were replaced; empty when the content is as it was. */
  readonly masked: readonly string[];
}

export interface FilesTaken {
  readonly files: readonly SavedFile[];
  /** Files with secrets, left out or masked until sets are encrypted; files that kong.conf names and nobody can read. */
  readonly gaps: readonly Gap[];
}

/** Reads kong.conf, the prefix, and the files that kong.conf names. Faults `file.…` when kong.conf or prefix cannot be read. */
export declare function takeFiles(
  run: RunCommand,
  files: GatewayFiles,
  options?: { readonly signal?: AbortSignal | undefined; readonly onFile?: (done: number, total: number) => void },
): Promise<FilesTaken>;

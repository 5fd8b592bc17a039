import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Fault } from '../../runs/fault.ts';
import { CopyLines } from './copy-lines.ts';
import { tarOf } from './tar.ts';
import type { TarEntry } from './tar.ts';

/** Stored as `database.tar.zst`: `tar --zstd -xf database.tar.zst && pg_restore -d NAME database` brings it back. */
export const DATABASE_TAR = 'database.tar';
const FOLDER = 'database';
const DATA_FILE = /^\d+\.dat$/;
const READ_AT_ONCE = 1 << 20;

export interface DatabaseArchive {
  readonly stream: Readable;
  /** Bytes of the files before tar. */
  readonly unpackedBytes: number;
  /** After the last byte: throws a Fault unless the rows in it are exactly these, table by table. */
  confirmRows(rowsOfTables: readonly number[]): void;
}

/**
 * Packs an uncompressed dump in directory format (pg_dump -Fd -Z0). While it reads, it counts the rows of each data
 * file: such a dump carries no checksum, and pg_restore reads a file that was cut at a line's end without a word.
 */
export async function databaseArchive(
  folder: string,
  modifiedAt: Date,
  onBytes: (bytes: number) => void,
): Promise<DatabaseArchive> {
  const found: number[] = [];
  let read = 0;
  const entryOf = async (name: string): Promise<TarEntry> => {
    const { size } = await stat(join(folder, name));
    const open = async function* counted(): AsyncGenerator<Buffer> {
      const lines = DATA_FILE.test(name) ? new CopyLines(name) : null;
      for await (const chunk of createReadStream(join(folder, name), { highWaterMark: READ_AT_ONCE })) {
        lines?.take(chunk as Buffer);
        read += (chunk as Buffer).length;
        onBytes(read);
        yield chunk as Buffer;
      }
      if (lines !== null) found.push(lines.rows());
    };
    return { name: `${FOLDER}/${name}`, bytes: size, mode: 0o600, modifiedAt, open };
  };
  const entries = await Promise.all((await readdir(folder)).map(entryOf));
  return {
    stream: tarOf(entries),
    unpackedBytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
    confirmRows: (rows) => refuseOtherRows(sorted(rows), sorted(found)),
  };
}

function refuseOtherRows(expected: readonly number[], found: readonly number[]): void {
  if (expected.length === found.length && expected.every((rows, index) => rows === found[index])) return;
  const total = (rows: readonly number[]): string =>
    rows.reduce((sum, count) => sum + count, 0).toLocaleString('en-US');
  throw new Fault(
    'archive.rows-differ',
    `The dump holds ${total(found)} rows in ${found.length} tables, but the database had ${total(expected)} rows in ${expected.length} tables in the same snapshot.`,
    'The dump is not kept. Check the disk of the worker, then try again.',
    { retryable: true },
  );
}

function sorted(numbers: readonly number[]): readonly number[] {
  return [...numbers].sort((a, b) => a - b);
}

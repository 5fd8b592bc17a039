import { Transform } from 'node:stream';
import type { Readable, TransformCallback } from 'node:stream';
import { Fault } from '../../runs/fault.ts';

const NEWLINE = 10;
/** The last thing that pg_dump writes; what follows is for psql alone (`\unrestrict`). */
const TRAILER = '-- PostgreSQL database dump complete';
/** Of a line that is looked at: statements that begin data are shorter, rows of data need not be known. */
const LONGEST_LINE = 64 * 1024;

export interface PlainDump {
  readonly stream: Readable;
  /** After the last byte: throws a Fault unless it ends as pg_dump ends, and holds as many rows per table as counted. */
  confirm(rowsOfTables: readonly number[]): void;
}

/**
 * A dump in SQL, handed on while its rows are counted: it carries no checksum and no archive's list, and one that is cut
 * at the end of a line is still good SQL.
 */
export function plainDump(dump: Readable): PlainDump {
  const reader = new PlainReader();
  dump.on('error', (error) => counting.destroy(error));
  const counting = new Transform({
    transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
      reader.take(chunk);
      done(null, chunk);
    },
    destroy(error, done) {
      dump.destroy();
      done(error);
    },
  });
  dump.pipe(counting);
  return { stream: counting, confirm: (expected) => refuseOther(reader, expected) };
}

/** Counts the lines between `COPY … FROM stdin;` and `\.`. */
class PlainReader {
  readonly rows: number[] = [];
  complete = false;
  #line: Buffer[] = [];
  #bytes = 0;
  #inData = false;
  #count = 0;

  take(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#end();
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  #keep(part: Buffer): void {
    // A copy: the chunk is handed on and may be reused.
    if (part.length > 0 && this.#bytes < LONGEST_LINE) this.#line.push(Buffer.from(part));
    this.#bytes += part.length;
  }

  #end(): void {
    if (this.#inData) this.#dataLine();
    else if (this.#bytes <= LONGEST_LINE) this.#statementLine(Buffer.concat(this.#line).toString('utf8'));
    this.#line = [];
    this.#bytes = 0;
  }

  #dataLine(): void {
    const isMark = this.#bytes === 2 && Buffer.concat(this.#line).toString('latin1') === String.raw`\.`;
    if (!isMark) this.#count += 1;
    else {
      this.rows.push(this.#count);
      this.#inData = false;
    }
  }

  #statementLine(line: string): void {
    if (line.startsWith('COPY ') && line.endsWith(' FROM stdin;')) {
      this.#inData = true;
      this.#count = 0;
    }
    this.complete ||= line === TRAILER;
  }
}

function refuseOther(reader: PlainReader, expected: readonly number[]): void {
  const found = [...reader.rows].sort((a, b) => a - b);
  const wanted = [...expected].sort((a, b) => a - b);
  const same = found.length === wanted.length && found.every((rows, index) => rows === wanted[index]);
  if (same && reader.complete) return;
  const sum = (rows: readonly number[]): string => rows.reduce((all, one) => all + one, 0).toLocaleString('en-US');
  throw new Fault(
    reader.complete ? 'archive.rows-differ' : 'archive.cut',
    reader.complete
      ? `The dump holds ${sum(found)} rows in ${found.length} tables, but the database had ${sum(wanted)} rows in ${wanted.length} tables in the same snapshot.`
      : 'The dump ends in the middle, although pg_dump reported success.',
    'The dump is not kept. Try again; if it happens again, use another format (database.format).',
    { retryable: true },
  );
}

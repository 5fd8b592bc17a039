import { Fault } from '../../runs/fault.ts';

const NEWLINE = 10;
/** More than the end of a data file ever is: the last newlines, `\.`, and the newlines after it. */
const TAIL_BYTES = 64;

/** Counts the rows in one table's data as pg_dump writes it: COPY's text format, one row a line, ended by `\.`. */
export class CopyLines {
  readonly #name: string;
  #newlines = 0;
  #tail: Buffer = Buffer.alloc(0);

  constructor(name: string) {
    this.#name = name;
  }

  take(chunk: Buffer): void {
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) this.#newlines += 1;
    const end = chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([this.#tail, chunk]);
    // A copy, because the view would keep the whole chunk in memory.
    this.#tail = Buffer.from(end.subarray(-TAIL_BYTES));
  }

  /** After the last chunk. Throws a Fault when the end mark is missing: the file was cut. */
  rows(): number {
    const tail = this.#tail.toString('latin1');
    const mark = /(?:^|\n)\\\.(\n+)$/.exec(tail);
    if (mark !== null) return this.#newlines - (mark[1] ?? '').length;
    throw new Fault(
      'archive.cut',
      `The dump's data file ${this.#name} ends in the middle: pg_dump or the disk of the worker lost the rest.`,
      'The dump is not kept. Check the disk of the worker, then try again.',
      { retryable: true },
    );
  }
}

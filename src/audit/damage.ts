import { rowHash, type ChainRow } from './chain.ts';

/** What is wrong with the trail, and where. `from` and `to` are sequence numbers (equal when it is one row). */
export interface Damage {
  readonly kind:
    | 'edited'
    | 'deleted'
    | 'inserted'
    | 'reordered'
    | 'forked'
    | 'truncated'
    | 'head-mismatch'
    | 'bad-signature';
  readonly from: number;
  readonly to: number;
  readonly runId: string | null;
  /** One sentence for people. */
  readonly message: string;
}

/** Rows 7 to 9 are missing in the middle. */
export function deleted(from: number, to: number): Damage {
  const what = from === to ? `Row ${from} is missing` : `Rows ${from} to ${to} are missing`;
  return { kind: 'deleted', from, to, runId: null, message: `${what}: the rows around it were kept.` };
}

/** The row's content does not give its hash. */
export function edited(row: ChainRow): Damage {
  return at(
    row,
    'edited',
    `Row ${row.seq} (${row.runId} version ${row.version}) was edited: its content does not give its hash.`,
  );
}

/** The row is whole in itself, but the next one witnesses another hash: it was rewritten together with its hash. */
export function rewritten(row: ChainRow): Damage {
  return at(
    row,
    'forked',
    `Row ${row.seq} (${row.runId} version ${row.version}) was rewritten together with its hash: row ${row.seq + 1} continues another row.`,
  );
}

/** A second row claims a number that was already read. */
export function twice(row: ChainRow): Damage {
  return at(row, 'inserted', `Row ${row.seq} appears twice: two rows claim the same number.`);
}

/** Content that belongs at another number. */
export function reordered(row: ChainRow, belongs: number): Damage {
  return {
    kind: 'reordered',
    from: Math.min(row.seq, belongs),
    to: Math.max(row.seq, belongs),
    runId: row.runId,
    message: `Rows ${Math.min(row.seq, belongs)} and ${Math.max(row.seq, belongs)} changed places.`,
  };
}

/** The trail ends before the head that somebody outside has witnessed. */
export function truncated(last: number, head: number): Damage {
  return {
    kind: 'truncated',
    from: last + 1,
    to: head,
    runId: null,
    message: `Rows ${last + 1} to ${head} were cut off: the head given names row ${head}, the trail ends at ${last}.`,
  };
}

/** The row is there, with another hash than a head says. */
export function headMismatch(seq: number, whose: string): Damage {
  return {
    kind: 'head-mismatch',
    from: seq,
    to: seq,
    runId: null,
    message: `Row ${seq} has another hash than ${whose} says: the trail up to there was rewritten.`,
  };
}

/** A head in the trail that its signing key did not sign. */
export function badSignature(row: ChainRow): Damage {
  return at(row, 'bad-signature', `The head in row ${row.seq} does not carry a valid signature of a known key.`);
}

function at(row: ChainRow, kind: Damage['kind'], message: string): Damage {
  return { kind, from: row.seq, to: row.seq, runId: row.runId, message };
}

/** How far a renumbering is looked for. */
const FURTHEST_SHIFT = 32;

/**
 * Says what happened to rows whose content does not give their hash: two changed places, rows were renumbered because
 * some were taken out or put in before them, or, if neither, they were edited. Compares every pair, so it is given a
 * bounded number of rows.
 */
export function explainMisfits(rows: readonly ChainRow[]): Damage[] {
  const found: Damage[] = [];
  const explained = new Set<ChainRow>();
  let lastShift = 0;
  for (const row of rows) {
    if (explained.has(row)) continue;
    const other = rows.find((one) => one !== row && !explained.has(one) && changedPlaces(row, one));
    const shift = other === undefined ? shiftOf(row) : 0;
    if (other !== undefined) {
      explained.add(row).add(other);
      found.push(reordered(row, other.seq));
    } else if (shift === 0) found.push(edited(row));
    // All rows behind it moved by the same distance: said once.
    else if (shift !== lastShift) found.push(renumbered(row, shift));
    lastShift = shift;
  }
  return found;
}

/** With the whole rows (hashes included) exchanged, or only what they say. */
function changedPlaces(a: ChainRow, b: ChainRow): boolean {
  return (fits(a, a, b.seq) && fits(b, b, a.seq)) || (fits(b, a, b.seq) && fits(a, b, a.seq));
}

/** Whether what `content` says, at that number, gives the hash in `place`. */
function fits(place: ChainRow, content: ChainRow, seq: number): boolean {
  const { runId, version, body } = content;
  return rowHash({ prevHash: place.prevHash, seq, runId, version, body }) === place.hash;
}

/** By how much the number was lowered (raised, when negative); 0 when no other number makes the row whole. */
function shiftOf(row: ChainRow): number {
  for (let distance = 1; distance <= FURTHEST_SHIFT; distance += 1) {
    if (fits(row, row, row.seq + distance)) return distance;
    if (fits(row, row, row.seq - distance)) return -distance;
  }
  return 0;
}

function renumbered(row: ChainRow, shift: number): Damage {
  const count = Math.abs(shift);
  const rows = count === 1 ? '1 row was' : `${count} rows were`;
  const [kind, what] = shift > 0 ? (['deleted', 'taken out'] as const) : (['inserted', 'put in'] as const);
  return at(row, kind, `${rows} ${what} just before row ${row.seq}, and the rest renumbered.`);
}

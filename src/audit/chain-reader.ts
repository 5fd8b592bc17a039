import { GENESIS_HASH, rowHash, type ChainRow } from './chain.ts';
import {
  badSignature,
  deleted,
  explainMisfits,
  headMismatch,
  reordered,
  rewritten,
  truncated,
  twice,
  type Damage,
} from './damage.ts';
import { verifyHead, type Head, type SignedHead } from './heads.ts';
import { SYSTEM_STREAM } from '../runs/event.ts';

/** What a reading of the whole trail says. `tail` is proven only by a head from outside (decision 12). */
export interface ChainVerdict {
  readonly ok: boolean;
  readonly rows: number;
  readonly head: { readonly seq: number; readonly hash: string };
  /** Heads inside the trail whose signature was checked with the keys given. */
  readonly signedHeads: number;
  readonly tail: 'proven' | 'not provable';
  /** At most {@link DAMAGE_LIMIT}; `damaged` counts all. */
  readonly damage: readonly Damage[];
  readonly damaged: number;
}

export interface ChainOptions {
  /** A head kept outside: proves the tail up to there. */
  readonly head?: Pick<Head, 'seq' | 'hash'>;
  /** Public keys (PEM) whose signatures on heads inside the trail are checked. */
  readonly publicKeys?: readonly string[];
}

/** So many are reported one by one; a trail that is wrong everywhere must not fill the memory. */
export const DAMAGE_LIMIT = 100;
/** Hashes of the latest rows, for the heads inside the trail: a head is recorded within moments of what it signs. */
const RECENT = 4096;

/** Reads the trail row by row in memory that does not grow, and says at the end what is wrong where. */
export class ChainReader {
  private readonly options: ChainOptions;
  private readonly damage: Damage[] = [];
  private readonly misfits: ChainRow[] = [];
  private readonly gaps: { from: number; to: number }[] = [];
  private readonly recent: string[] = [];
  private previous: ChainRow | null = null;
  private previousWhole = true;
  private rows = 0;
  private damaged = 0;
  private signedHeads = 0;
  private headHash: string | null;

  constructor(options: ChainOptions = {}) {
    this.options = options;
    // What precedes the first row has a hash too: a head of nothing proves nothing with another one.
    this.headHash = options.head?.seq === 0 ? GENESIS_HASH : null;
  }

  /** The next row, in the order in which the trail gives them. */
  read(row: ChainRow): void {
    this.rows += 1;
    if (row.seq === this.options.head?.seq) this.headHash = row.hash;
    const expected = (this.previous?.seq ?? 0) + 1;
    if (row.seq < expected) return this.readBackwards(row);
    if (row.seq > expected) this.gaps.push({ from: expected, to: row.seq - 1 });
    const whole = rowHash(row) === row.hash;
    if (!whole) this.misfit(row);
    else if (row.seq === expected) this.checkLink(row);
    this.previous = row;
    this.previousWhole = whole;
    this.recent[row.seq % RECENT] = `${row.seq}:${row.hash}`;
    if (row.runId === SYSTEM_STREAM) this.checkHeadInside(row);
  }

  /** What all rows together say. */
  finish(): ChainVerdict {
    for (const damage of explainMisfits(this.misfits)) this.report(damage, 0);
    for (const gap of this.gaps) this.report(deleted(gap.from, gap.to));
    const end = { seq: this.previous?.seq ?? 0, hash: this.previous?.hash ?? GENESIS_HASH };
    this.compareWithHead(end.seq);
    return {
      ok: this.damaged === 0,
      rows: this.rows,
      head: end,
      signedHeads: this.signedHeads,
      tail: this.options.head !== undefined && this.damaged === 0 ? 'proven' : 'not provable',
      damage: this.damage.sort((a, b) => a.from - b.from),
      damaged: this.damaged,
    };
  }

  private compareWithHead(last: number): void {
    const { head } = this.options;
    if (head === undefined) return;
    if (last < head.seq) this.report(truncated(last, head.seq));
    else if (this.headHash !== null && this.headHash !== head.hash)
      this.report(headMismatch(head.seq, 'the head given'));
  }

  /** Only an export can give an older number again: the row moved there, or a copy was put in. */
  private readBackwards(row: ChainRow): void {
    const gap = this.gaps.findIndex((one) => one.from <= row.seq && row.seq <= one.to);
    const found = this.gaps[gap];
    if (found === undefined || rowHash(row) !== row.hash) return this.report(twice(row));
    const rest = [
      { from: found.from, to: row.seq - 1 },
      { from: row.seq + 1, to: found.to },
    ].filter((one) => one.from <= one.to);
    this.gaps.splice(gap, 1, ...rest);
    this.report(reordered(row, this.previous?.seq ?? row.seq));
  }

  /** The row is whole; does it continue the one before? If not, the one before was rewritten, or this is a fork. */
  private checkLink(row: ChainRow): void {
    if (row.prevHash === (this.previous?.hash ?? GENESIS_HASH)) return;
    if (this.previous === null) return this.report(headMismatch(row.seq, 'the beginning of a trail'));
    // The one before is reported already when its own content was wrong.
    if (this.previousWhole) this.report(rewritten(this.previous));
  }

  private checkHeadInside(row: ChainRow): void {
    const head = signedHeadOf(row);
    if (head === null) return;
    const recent = this.recent[head.seq % RECENT];
    if (recent?.startsWith(`${head.seq}:`) === true && recent !== `${head.seq}:${head.hash}`) {
      this.report(headMismatch(head.seq, `the signed head in row ${row.seq}`));
    }
    const { publicKeys } = this.options;
    if (publicKeys === undefined) return;
    if (verifyHead(head, publicKeys)) this.signedHeads += 1;
    else this.report(badSignature(row));
  }

  private misfit(row: ChainRow): void {
    this.damaged += 1;
    if (this.misfits.length < DAMAGE_LIMIT) this.misfits.push(row);
  }

  private report(damage: Damage, count = 1): void {
    this.damaged += count;
    if (this.damage.length < DAMAGE_LIMIT) this.damage.push(damage);
  }
}

function signedHeadOf(row: ChainRow): SignedHead | null {
  // Cheap look first: most rows of the system stream are something else.
  if (!row.body.includes('"head.signed"')) return null;
  try {
    const event = JSON.parse(row.body) as { type: string; at: string; data: Omit<SignedHead, 'at'> };
    return event.type === 'head.signed' ? { ...event.data, at: event.at } : null;
  } catch {
    // Not JSON any more: reported as edited by its hash.
    return null;
  }
}

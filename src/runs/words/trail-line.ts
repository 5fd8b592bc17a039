/** A row of the audit trail with everything that its hash covers. Hashes are 64 hexadecimal digits. */
export interface TrailRow {
  readonly seq: number;
  readonly runId: string;
  readonly version: number;
  /** The canonical text as stored and hashed. */
  readonly body: string;
  readonly prevHash: string;
  readonly hash: string;
}

/** A row as a line of an export (NDJSON): the one form that `audit verify --file` reads. */
export function trailLine({ seq, runId, version, body, prevHash, hash }: TrailRow): string {
  return `${JSON.stringify({ seq, runId, version, body, prevHash, hash })}\n`;
}

/** First line of an export that leaves rows out, so that nobody takes those for deleted ones. `part` as in "of B-142". */
export function partLine(part: string): string {
  return `${JSON.stringify({ part, note: PART_NOTE })}\n`;
}

const PART_NOTE =
  'A part of the audit trail: it cannot prove that no row is missing. The whole export can: kong-chatops audit export, then kong-chatops audit verify --file.';

/** What a first line of {@link partLine} says is in the file; null for every other line. */
export function partOf(line: unknown): string | null {
  if (typeof line !== 'object' || line === null || !('part' in line) || !('note' in line)) return null;
  return typeof line.part === 'string' ? line.part : null;
}

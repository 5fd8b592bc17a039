/** Words longer than this are cut before they are compared: the cost grows with the product of both lengths. */
const LONGEST = 64;

/**
 * How many single mistakes (a letter too many, too few, another one, two neighbours swapped) lie between two words.
 * This is the optimal string alignment distance: symmetric, 0 only for equal words.
 */
export function mistakes(left: string, right: string): number {
  const from = Array.from(left);
  const to = Array.from(right);
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [row, letter] of from.entries()) {
    const current = [row + 1];
    for (const [column, other] of to.entries()) {
      const swapped = row > 0 && column > 0 && letter === to[column - 1] && from[row - 1] === other;
      current.push(
        Math.min(
          at(last, column + 1) + 1,
          at(current, column) + 1,
          at(last, column) + (letter === other ? 0 : 1),
          swapped ? at(beforeLast, column - 1) + 1 : Infinity,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

/**
 * What somebody probably meant: the candidate with the fewest mistakes, or one that the word is the beginning of.
 * Null when nothing is near enough to be offered. Case does not count; of equals the first in the alphabet wins, so
 * that the answer never depends on the order of a configuration file.
 */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const wanted = fold(word);
  if (wanted === '') return null;
  const near = candidates
    .map((candidate) => ({ candidate, folded: fold(candidate) }))
    .map(({ candidate, folded }) => ({
      candidate,
      begins: wanted.length > 1 && folded.startsWith(wanted),
      count: mistakes(wanted, folded),
    }))
    .filter(({ begins, count }) => begins || count <= tolerance(wanted))
    .sort((one, two) => one.count - two.count || (one.candidate < two.candidate ? -1 : 1));
  return near[0]?.candidate ?? null;
}

/** One mistake in a short word, three in a long one: more would offer words that nobody meant. */
function tolerance(word: string): number {
  if (word.length <= 3) return 1;
  return word.length <= 7 ? 2 : 3;
}

function fold(word: string): string {
  return word.trim().toLowerCase().slice(0, LONGEST);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}

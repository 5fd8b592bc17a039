/**
 * Does both at once. When one fails the other is aborted, and the failure is thrown once both have ended: nothing goes on
 * behind the back of whoever is told.
 */
export async function sideBySide<A, B>(
  signal: AbortSignal,
  one: (signal: AbortSignal) => Promise<A>,
  other: (signal: AbortSignal) => Promise<B>,
): Promise<readonly [A, B]> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const doing = [one(both), other(both)] as const;
  for (const work of doing) work.catch((error: unknown) => failed.abort(error));
  try {
    return await Promise.all(doing);
  } finally {
    await Promise.allSettled(doing);
  }
}

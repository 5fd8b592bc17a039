const MINUTE_MS = 60_000;

/**
 * Hands on each trouble once a minute: a Redis that is away is reported by every queue and worker at every attempt to
 * reach it, and the log must not drown in it. Told apart by name, code and message.
 */
export function onceAMinute(report: (error: Error) => void, now: () => number = Date.now): (error: Error) => void {
  const last = new Map<string, number>();
  return (error) => {
    const at = now();
    for (const [known, when] of last) if (at - when >= MINUTE_MS) last.delete(known);
    const key = `${error.name} ${'code' in error ? String(error.code) : ''} ${error.message}`;
    if (last.has(key)) return;
    last.set(key, at);
    report(error);
  };
}

interface Waiting<Call, Result> {
  readonly call: Call;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** More would only make the first of them wait. */
const LARGEST = 64;

/**
 * Joins calls that come while one round trip is under way into the next one: nobody waits for company, but under load
 * one flush to disk serves many. When a batch fails for another reason than `passing` (a lost connection), each call is
 * tried alone, so that one bad call fails by itself.
 */
export function joinCalls<Call, Result>(
  run: (calls: readonly Call[]) => Promise<Result[]>,
  passing: (error: unknown) => boolean,
): (call: Call) => Promise<Result> {
  const waiting: Waiting<Call, Result>[] = [];
  let busy = false;
  const alone = async (one: Waiting<Call, Result>): Promise<void> => {
    try {
      settle([one], await run([one.call]));
    } catch (error) {
      one.reject(error);
    }
  };
  const together = async (batch: readonly Waiting<Call, Result>[]): Promise<void> => {
    try {
      settle(batch, await run(batch.map((one) => one.call)));
    } catch (error) {
      if (batch.length > 1 && !passing(error)) for (const one of batch) await alone(one);
      else for (const one of batch) one.reject(error);
    }
  };
  const work = async (): Promise<void> => {
    busy = true;
    while (waiting.length > 0) await together(waiting.splice(0, LARGEST));
    busy = false;
  };
  return (call) =>
    new Promise((resolve, reject) => {
      waiting.push({ call, resolve, reject });
      if (!busy) void work();
    });
}

function settle<Call, Result>(batch: readonly Waiting<Call, Result>[], results: readonly Result[]): void {
  batch.forEach((one, i) => {
    const result = results[i];
    if (result === undefined) one.reject(new TypeError('a batch answers one result per call'));
    else one.resolve(result);
  });
}

import type { EventBody, NewEvent } from '../runs/event.ts';
import type { Actor } from '../runs/person.ts';
import type { Refusal } from '../runs/refusal.ts';
import type { Run } from '../runs/run.ts';
import type { EventStore } from './ports.ts';
import { evolve, fold } from '../runs/evolve.ts';
import { indexOf } from '../runs/run-index.ts';

interface Proposal {
  readonly events: readonly EventBody[];
  readonly refusal?: Refusal;
}

/** The run as it is after the commit, and whether this call changed it. */
export interface Committed {
  readonly run: Run;
  readonly changed: boolean;
  readonly refusal?: Refusal;
}

const queues = new Map<string, Promise<unknown>>();

/** One writer of a run at a time inside this process: a hundred clicks must not race each other a hundred times. */
async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(key) ?? Promise.resolve();
  const mine = before.then(work, work);
  queues.set(key, mine);
  try {
    return await mine;
  } finally {
    if (queues.get(key) === mine) queues.delete(key);
  }
}

/**
 * Loads the run, lets `propose` decide, appends on the version that was decided on; a loser of a race reloads and
 * decides again. Null when there is no such run. Throws what the store throws: nothing was recorded then.
 * `known`: the run as the caller has it; saves the first load, and the append refuses it when it is out of date.
 */
export async function commit(
  store: Pick<EventStore, 'load' | 'append'>,
  runId: string,
  author: { readonly actor: Actor; readonly clock: () => Date },
  propose: (run: Run, now: Date) => Proposal | Promise<Proposal>,
  known?: Run,
): Promise<Committed | null> {
  return await inTurn(runId, async () => {
    for (let first = known; ; first = undefined) {
      const run = first ?? fold(await store.load(runId));
      if (run === null) return null;
      const now = author.clock();
      const { events, refusal } = await propose(run, now);
      const told = refusal === undefined ? {} : { refusal };
      // A no to a run that may be out of date is not an answer yet.
      if (events.length === 0 && first !== undefined) continue;
      if (events.length === 0) return { run, changed: false, ...told };
      const news = events.map((event) => ({ ...event, at: now.toISOString(), actor: author.actor }));
      const after = afterEvents(run, news);
      const result = await store.append({
        runId,
        expectedVersion: run.version,
        events: news,
        index: indexOf(after, now.toISOString()),
      });
      if (result.appended) return { run: after, changed: true, ...told };
    }
  });
}

/** The run once these events follow: what will be appended decides the index that is written with it. */
export function afterEvents(run: Run, events: readonly NewEvent[]): Run {
  return events.reduce<Run>((before, event, index) => {
    const version = run.version + index + 1;
    return evolve(before, { ...event, runId: run.id, version }) ?? before;
  }, run);
}

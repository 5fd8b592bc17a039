import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commit } from '../../../src/engine/commit.ts';
import { recallingStore } from '../../../src/engine/recall.ts';
import type { NewEvent } from '../../../src/runs/event.ts';
import { evolve, fold } from '../../../src/runs/evolve.ts';
import { indexOf } from '../../../src/runs/run-index.ts';
import { memoryStore } from '../../support/store/memory-store.ts';
import { BOT, requestedBody, START } from '../../support/story.ts';

const ID = 'B-142';
const author = { actor: BOT, clock: () => START };
const watcher = (person: string) => ({ events: [{ type: 'watcher.added', data: { person } } as const] });

async function begin(store: ReturnType<typeof memoryStore>): Promise<void> {
  const first: NewEvent = { ...requestedBody(), at: START.toISOString(), actor: BOT };
  const run = evolve(null, { ...first, runId: ID, version: 1 });
  if (run === null) throw new Error('a run starts with run.requested');
  await store.append({ runId: ID, expectedVersion: 0, events: [first], index: indexOf(run, first.at) });
}

describe('what a process remembers of a run', () => {
  it('is nothing before it has seen it, and what it saw afterwards', async () => {
    const store = memoryStore();
    await begin(store);
    const ours = recallingStore(store);
    expect(ours.recall(ID)).toBeNull();
    const loaded = fold(await ours.load(ID));
    expect(ours.recall(ID)).toEqual(loaded);
  });

  it('never decides: whatever other processes append meanwhile, the log holds each change once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2), { minLength: 1, maxLength: 30 }), async (turns) => {
        const store = memoryStore();
        await begin(store);
        const processes = [recallingStore(store), recallingStore(store), recallingStore(store)];
        for (const [turn, who] of turns.entries()) {
          const mine = processes[who] ?? store;
          const known = 'recall' in mine ? (mine.recall(ID) ?? undefined) : undefined;
          const committed = await commit(mine, ID, author, () => watcher(`T01LOCAL/U${turn}`), known);
          expect(committed?.run).toEqual(fold(await store.load(ID)));
        }
        const run = fold(await store.load(ID));
        expect(run?.watchers.slice(-turns.length)).toEqual(turns.map((_, turn) => `T01LOCAL/U${turn}`));
      }),
    );
  });

  it('says no only after it has looked: a refusal from memory is not an answer', async () => {
    const store = memoryStore();
    await begin(store);
    const ours = recallingStore(store);
    await ours.load(ID);
    await commit(store, ID, author, () => watcher('T01LOCAL/U7'));
    const seen: number[] = [];
    await commit(
      ours,
      ID,
      author,
      (run) => {
        seen.push(run.version);
        return { events: [] };
      },
      ours.recall(ID) ?? undefined,
    );
    expect(seen).toEqual([1, 2]);
  });

  it('keeps a hundred runs, the ones that were seen last', async () => {
    const store = memoryStore();
    await begin(store);
    const events = await store.load(ID);
    const ours = recallingStore({ ...store, load: () => Promise.resolve(events) });
    for (let number = 0; number <= 100; number += 1) await ours.load(`B-${number}`);
    expect([ours.recall('B-0'), ours.recall('B-1')?.id]).toEqual([null, ID]);
  });
});

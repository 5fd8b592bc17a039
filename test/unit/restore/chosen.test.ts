import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../../src/runs/refusal.ts';
import { parseSelection } from '../../../src/runbooks/selection.ts';
import { notInSet } from '../../../src/steps/restore/declarative/chosen/check-chosen.ts';
import { ChosenSearch } from '../../../src/steps/restore/declarative/chosen/search.ts';
import type { Document } from '../../../src/steps/restore/declarative/document.ts';

/** Two pieces of one file, as they come. */
const PIECES: readonly Document[] = [
  { services: [{ id: 's1', name: 'catalog', routes: [{ id: 'r1', name: 'catalog-v1' }] }] },
  { consumers: [{ id: 'c1', username: 'alice', keyauth_credentials: [{ id: 'k1', key: 'top-secret-key' }] }] },
];

function refused(...words: string[]): { message: string; hint: string } | null {
  const only = parseSelection(words);
  if (isRefusal(only)) throw new Error(only.message);
  const search = new ChosenSearch(only);
  PIECES.forEach((piece) => search.take(piece));
  const absent = search.absent();
  if (absent.length === 0) return null;
  const { message, hint } = notInSet(only, absent);
  return { message, hint };
}

describe('chosen entities', () => {
  it('are found by name or id in whatever piece of the set they stand, also below others', () => {
    expect(refused('service:catalog', 'route:r1', 'consumer:alice')).toBeNull();
  });

  it('are offered by the nearest name when one was mistyped, as a whole to ask for again', () => {
    expect(refused('service:catlog', 'consumer:alice', 'route:catalog-v2')).toEqual({
      message:
        'The set does not hold what was chosen: service catlog (did you mean service:catalog?), route catalog-v2 (did you mean route:catalog-v1?).',
      hint: 'If so, ask again for service:catalog,consumer:alice,route:catalog-v1.',
    });
  });

  it('are offered by another kind that has exactly the name, before a near one of their kind', () => {
    expect(refused('service:catalog-v1', 'route:catalog-v1')).toEqual({
      message: 'The set does not hold what was chosen: service catalog-v1 (did you mean route:catalog-v1?).',
      hint: 'If so, ask again for route:catalog-v1.',
    });
  });

  it('never show a secret of the set, and nothing is offered when nothing is near', () => {
    expect(refused('consumer:top-secret-kez', 'vault:aws')).toEqual({
      message: 'The set does not hold what was chosen: consumer top-secret-kez, vault aws.',
      hint: 'Ask again by the names or ids of the set, which stand in its declarative files (kong-chatops backup fetch), or restore the whole set.',
    });
  });
});

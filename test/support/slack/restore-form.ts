import type { StoredSet } from '../../../src/engine/ports.ts';

export const SET = 'production-20261121T0200Z-B-9';
export const OTHER_SET = 'staging-20261121T0200Z-B-8';

/** A set of an hour ago in one place. */
export const stored = (set: string): StoredSet => ({
  set,
  state: 'finished',
  createdAt: new Date(Date.now() - 3_600_000).toISOString(),
  ageSeconds: 3600,
  bytes: 41_200_000,
  gaps: 0,
  places: [{ destination: 'main', path: `/srv/sets/${set}` }],
  missingFrom: [],
});

/** What somebody typed into a field, and chose in one. */
export const typed = (value: unknown) => ({ type: 'plain_text_input', value });
export const chosen = (value: unknown) => ({ type: 'static_select', selected_option: { value } });
/** The fields of the window of a restore of {@link SET}. */
export const form = (name: string, more: object = {}) => ({
  'restore/set': { set: chosen(SET) },
  'restore/strategy': { strategy: chosen('database') },
  'restore/safety': { safety: chosen('backup') },
  'restore/name': { name: typed(name) },
  ...more,
});

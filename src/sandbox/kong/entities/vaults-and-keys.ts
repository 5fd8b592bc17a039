import { createdAndUpdated, tags } from '../schema/common.ts';
import { foreign, record, text } from '../schema/field.ts';
import { asText, idOf } from '../schema/fill.ts';
import type { EntityKind } from './entity.ts';

/** What came with Kong 3. Version 2.8.5 answers 404 for all of it. */

export const vaults: EntityKind = {
  name: 'vaults',
  table: 'sm_vaults',
  path: 'vaults',
  only: '3.9.1',
  endpointKey: 'prefix',
  unique: { sm_vaults_prefix_key: ['prefix'], sm_vaults_prefix_ws_id_key: ['prefix'] },
  fields: {
    ...createdAndUpdated,
    prefix: text({ required: true, unique: true, match: '^[a-z][a-z0-9-]*[a-z0-9]+$' }),
    name: text({ required: true }),
    description: text(),
    // The environment vault is the only one that OSS has.
    config: record({ prefix: text({ match: '^[%a_][%a%d_]*$' }) }, { required: true }),
    tags,
  },
  inspect: (vault) => (vault['name'] === 'env' ? {} : { name: `vault '${asText(vault['name'])}' is not installed` }),
};

export const keySets: EntityKind = {
  name: 'key_sets',
  path: 'key-sets',
  only: '3.9.1',
  endpointKey: 'name',
  unique: { key_sets_name_key: ['name'] },
  fields: { ...createdAndUpdated, name: text({ unique: true }), tags },
};

export const keys: EntityKind = {
  name: 'keys',
  path: 'keys',
  only: '3.9.1',
  endpointKey: 'name',
  unique: { keys_name_key: ['name'], keys_cache_key_key: ['kid', 'set'], keys_kid_set_id_key: ['kid', 'set'] },
  cacheKey: (key) => `keys:${asText(key['kid'])}:${idOf(key['set'])}`,
  fields: {
    ...createdAndUpdated,
    set: foreign('key_sets', { on_delete: 'cascade' }),
    name: text({ unique: true }),
    kid: text({ required: true }),
    jwk: text({ referenceable: true, encrypted: true }),
    pem: record({
      private_key: text({ referenceable: true, encrypted: true }),
      public_key: text({ referenceable: true, encrypted: true }),
    }),
    tags,
  },
  checks: [{ at_least_one_of: ['jwk', 'pem'] }],
};

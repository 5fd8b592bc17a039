import { createHash } from 'node:crypto';
import { created, createdUpdatedSince3, tags } from '../schema/common.ts';
import type { Field } from '../schema/field.ts';
import { flag, foreign, list, text } from '../schema/field.ts';
import { asText, type Entity, idOf } from '../schema/fill.ts';
import { cacheKeyOf, type EntityKind } from './entity.ts';

export const consumers: EntityKind = {
  name: 'consumers',
  path: 'consumers',
  endpointKey: 'username',
  unique: { consumers_ws_id_username_unique: ['username'], consumers_ws_id_custom_id_unique: ['custom_id'] },
  fields: {
    ...createdUpdatedSince3,
    username: text({ unique: true }),
    custom_id: text({ unique: true }),
    tags,
  },
  checks: [{ at_least_one_of: ['custom_id', 'username'] }],
};

const consumer: Field = foreign('consumers', { required: true, on_delete: 'cascade' });

const keyAuth: EntityKind = {
  name: 'keyauth_credentials',
  path: 'key-auths',
  nestedPath: 'key-auth',
  endpointKey: 'key',
  ttl: true,
  unique: { keyauth_credentials_ws_id_key_unique: ['key'] },
  fields: { ...created, consumer, key: text({ unique: true, auto: true }), tags },
};

const basicAuth: EntityKind = {
  name: 'basicauth_credentials',
  path: 'basic-auths',
  nestedPath: 'basic-auth',
  endpointKey: 'username',
  unique: { basicauth_credentials_ws_id_username_unique: ['username'] },
  fields: {
    ...created,
    consumer,
    username: text({ required: true, unique: true }),
    password: text({ required: true }),
    tags,
  },
  // Every write hashes again, which is how a dump and a sync break every login.
  finish: (entity, { given }) =>
    given['password'] === undefined ? entity : { ...entity, password: basicAuthHash(entity) },
};

/** Kong's stored form of a basic-auth password: hex SHA-1 of the password followed by the consumer's id. */
export function basicAuthHash(credential: Entity): string {
  return createHash('sha1')
    .update(`${asText(credential['password'])}${idOf(credential['consumer'])}`)
    .digest('hex');
}

const hmacAuth: EntityKind = {
  name: 'hmacauth_credentials',
  path: 'hmac-auths',
  nestedPath: 'hmac-auth',
  endpointKey: 'username',
  unique: { hmacauth_credentials_ws_id_username_unique: ['username'] },
  fields: {
    ...created,
    consumer,
    username: text({ required: true, unique: true }),
    secret: text({ auto: true }),
    tags,
  },
};

const ALGORITHMS = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'ES256', 'ES384'];
const ALGORITHMS_3 = [...ALGORITHMS, 'ES512', 'PS256', 'PS384', 'PS512', 'EdDSA'];

const jwt: EntityKind = {
  name: 'jwt_secrets',
  path: 'jwts',
  nestedPath: 'jwt',
  endpointKey: 'key',
  unique: { jwt_secrets_ws_id_key_unique: ['key'] },
  fields: {
    ...created,
    consumer,
    key: text({ unique: true, auto: true }),
    secret: text({ auto: true }),
    rsa_public_key: text(),
    'algorithm@2': text({ default: 'HS256', one_of: ALGORITHMS, only: '2.8.5' }),
    'algorithm@3': text({ default: 'HS256', one_of: ALGORITHMS_3, only: '3.9.1' }),
    tags,
  },
};

const oauth2: EntityKind = {
  name: 'oauth2_credentials',
  path: 'oauth2',
  endpointKey: 'client_id',
  unique: { oauth2_credentials_ws_id_client_id_unique: ['client_id'] },
  fields: {
    ...created,
    consumer,
    name: text({ required: true }),
    client_id: text({ unique: true, auto: true }),
    client_secret: text({ auto: true }),
    hash_secret: flag({ required: true, default: false }),
    redirect_uris: list(text()),
    client_type: text({ required: true, default: 'confidential', one_of: ['confidential', 'public'] }),
    tags,
  },
};

const acls: EntityKind = {
  name: 'acls',
  path: 'acls',
  unique: { acls_cache_key_key: ['consumer', 'group'] },
  cacheKey: (acl, workspace) => cacheKeyOf('acls', [acl['consumer'] ?? null, acl['group'] ?? null], workspace),
  fields: { ...created, consumer, group: text({ required: true }), tags },
};

/** Every kind of credential that OSS keeps, and group memberships. */
export const credentials: readonly EntityKind[] = [keyAuth, basicAuth, hmacAuth, jwt, oauth2, acls];

import { createHash } from 'node:crypto';
import type { Json } from '../schema/field.ts';
import type { Entity } from '../schema/fill.ts';
import type { Version } from '../version.ts';
import { WORTHLESS_AUTHORITY, WORTHLESS_CERTIFICATE, WORTHLESS_KEY } from './worthless-certificate.ts';

/** How much a gateway holds, and what makes it differ from another one. */
export interface SeedSize {
  /** Part of every id, so that two gateways never share one. */
  readonly name: string;
  readonly services: number;
  readonly routesPerService: number;
  readonly consumers: number;
}

export const STAGING: SeedSize = { name: 'staging', services: 5, routesPerService: 1, consumers: 6 };
export const PRODUCTION: SeedSize = { name: 'production', services: 14, routesPerService: 2, consumers: 40 };

/** One entity to put: its Admin API path and its body. */
export interface Put {
  readonly path: readonly string[];
  readonly body: Entity;
}

const SERVICES = ['orders', 'payments', 'catalog', 'search', 'identity', 'shipping', 'invoices'];
const PEOPLE = ['mobile-app', 'web-shop', 'warehouse', 'partner-nord', 'partner-sud', 'reporting', 'support-desk'];

/** The name for this place in the list; after its end the names come again with a number. */
function nameAt(names: readonly string[], index: number): string {
  const round = Math.floor(index / names.length);
  const name = names[index % names.length] ?? '';
  return round === 0 ? name : `${name}-${round + 1}`;
}

/** Everything a believable gateway holds, in an order in which it can be put. The same size gives the same ids. */
export function* gateway(size: SeedSize, version: Version): Generator<Put> {
  yield* certificates(size);
  yield* upstream(size);
  for (let index = 0; index < size.services; index += 1) yield* service(size, index);
  for (let index = 0; index < size.consumers; index += 1) yield* consumer(size, index);
  yield* plugins(size);
  if (version === '3.9.1') yield* vaultAndKeys(size);
}

function idFor(size: SeedSize, ...what: readonly (string | number)[]): string {
  const hex = createHash('sha256')
    .update(['sandbox', size.name, ...what].join('/'))
    .digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function put(size: SeedSize, collection: string, key: string, body: Entity): Put {
  return { path: [collection, idFor(size, collection, key)], body: { tags: [size.name], ...body } };
}

const ref = (size: SeedSize, collection: string, key: string): Json => ({ id: idFor(size, collection, key) });

function* certificates(size: SeedSize): Generator<Put> {
  yield put(size, 'ca_certificates', 'authority', { cert: WORTHLESS_AUTHORITY });
  yield put(size, 'certificates', 'shop', { cert: WORTHLESS_CERTIFICATE, key: WORTHLESS_KEY });
  for (const name of ['shop.example.com', '*.shop.example.com'])
    yield put(size, 'snis', name, { name, certificate: ref(size, 'certificates', 'shop') });
}

function* upstream(size: SeedSize): Generator<Put> {
  yield put(size, 'upstreams', 'orders', {
    name: 'orders-upstream',
    algorithm: 'least-connections',
    healthchecks: { active: { http_path: '/health', healthy: { interval: 5, successes: 1 } } },
  });
  for (const [number, weight] of [100, 100, 20].entries())
    yield put(size, 'targets', String(number), {
      upstream: ref(size, 'upstreams', 'orders'),
      target: `10.20.0.${number + 11}:8080`,
      weight,
    });
}

function* service(size: SeedSize, index: number): Generator<Put> {
  const name = nameAt(SERVICES, index);
  const team = index % 2 === 0 ? 'team-shop' : 'team-back-office';
  yield put(size, 'services', name, {
    name,
    host: name === 'orders' ? 'orders-upstream' : `${name}.${size.name}.internal`,
    port: name === 'orders' ? 80 : 8080,
    path: `/${name}`,
    retries: 3,
    connect_timeout: 5000,
    tags: [size.name, team],
  });
  for (let number = 0; number < size.routesPerService; number += 1)
    yield put(size, 'routes', `${name}-${number + 1}`, {
      name: `${name}-v${number + 1}`,
      paths: [`/api/v${number + 1}/${name}`],
      service: ref(size, 'services', name),
      ...(index % 3 === 0 && { hosts: ['shop.example.com'] }),
      ...(index % 4 === 1 && { methods: ['GET', 'POST'] }),
      tags: [size.name, team],
    });
}

function* consumer(size: SeedSize, index: number): Generator<Put> {
  const username = nameAt(PEOPLE, index);
  const owner = { consumer: ref(size, 'consumers', username) };
  yield put(size, 'consumers', username, { username, custom_id: `crm-${1000 + index}` });
  yield put(size, 'acls', username, { ...owner, group: index % 5 === 0 ? 'partners' : 'apps' });
  const secret = (kind: string): string => `${kind}-${idFor(size, 'secret', kind, username).slice(0, 18)}`;
  const byTurn: readonly Put[] = [
    put(size, 'key-auths', username, { ...owner, key: secret('key') }),
    put(size, 'basic-auths', username, { ...owner, username, password: secret('password') }),
    put(size, 'hmac-auths', username, { ...owner, username, secret: secret('hmac') }),
    put(size, 'jwts', username, { ...owner, key: `${username}-issuer`, secret: secret('jwt') }),
    put(size, 'oauth2', username, {
      ...owner,
      name: `${username} login`,
      client_id: `${username}-client`,
      client_secret: secret('oauth2'),
      redirect_uris: [`https://${username}.example.com/callback`],
    }),
  ];
  // The first few hold one kind each, so that all kinds exist; later ones mostly hold keys.
  const turn = index < byTurn.length ? index : index % 3 === 0 ? 1 : 0;
  yield* byTurn.slice(turn, turn + 1);
}

function* plugins(size: SeedSize): Generator<Put> {
  const on = (service: string): Entity => ({ service: ref(size, 'services', service) });
  yield put(size, 'plugins', 'prometheus', { name: 'prometheus', config: { per_consumer: false } });
  yield put(size, 'plugins', 'cors', {
    name: 'cors',
    config: { origins: ['https://shop.example.com'], max_age: 3600 },
  });
  yield put(size, 'plugins', 'key-auth', { name: 'key-auth', ...on('orders'), config: { hide_credentials: true } });
  yield put(size, 'plugins', 'acl', { name: 'acl', ...on('orders'), config: { allow: ['apps', 'partners'] } });
  yield put(size, 'plugins', 'basic-auth', {
    name: 'basic-auth',
    ...on('payments'),
    config: { hide_credentials: true },
  });
  yield put(size, 'plugins', 'rate-limiting', {
    name: 'rate-limiting',
    ...on('catalog'),
    config: { minute: size.name === 'production' ? 6000 : 600, policy: 'local' },
  });
  yield put(size, 'plugins', 'request-transformer', {
    name: 'request-transformer',
    ...on('search'),
    config: { add: { headers: [`x-gateway:${size.name}`] } },
  });
}

function* vaultAndKeys(size: SeedSize): Generator<Put> {
  yield put(size, 'vaults', 'env', { name: 'env', prefix: 'shop-env', config: { prefix: 'SHOP_' } });
  yield put(size, 'key-sets', 'tokens', { name: 'token-keys' });
  yield put(size, 'keys', 'tokens', {
    name: 'token-signing',
    kid: `${size.name}-2026`,
    set: ref(size, 'key-sets', 'tokens'),
    jwk: JSON.stringify({ kty: 'oct', kid: `${size.name}-2026`, k: 'd29ydGhsZXNzIHNhbmRib3gga2V5' }),
  });
}

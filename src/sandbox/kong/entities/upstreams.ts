import { checkHost, created, createdWithFraction, name, noEmptySegments, path, tags } from '../schema/common.ts';
import type { Check, Field, Fields, Json } from '../schema/field.ts';
import { decimal, flag, foreign, integer, list, map, record, text, toggle } from '../schema/field.ts';
import { cacheKeyOf, type EntityKind } from './entity.ts';

const HASH_2 = ['none', 'consumer', 'ip', 'header', 'cookie'];
const HASH_3 = [...HASH_2, 'path', 'query_arg', 'uri_capture'];
const GOOD = [200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308];
const BAD = [429, 404, 500, 501, 502, 503, 504, 505];

const PASSIVE = {
  type: 'http',
  healthy: { http_statuses: GOOD, successes: 0 },
  unhealthy: { tcp_failures: 0, http_statuses: [429, 500, 503], http_failures: 0, timeouts: 0 },
};
const ACTIVE = {
  concurrency: 10,
  http_path: '/',
  timeout: 1,
  https_verify_certificate: true,
  type: 'http',
  healthy: { http_statuses: [200, 302], interval: 0, successes: 0 },
  unhealthy: { tcp_failures: 0, http_statuses: BAD, interval: 0, timeouts: 0, http_failures: 0 },
};

const count: Field = integer({ between: [0, 255], default: 0 });
const seconds = (value: number): Field => decimal({ between: [0, 65535], default: value });
const statuses = (value: number[]): Field => list(integer({ between: [100, 999] }), { default: value });
const part = (fields: Fields, value: Json): Field => record(fields, { required: true, default: value });
const probe = text({ one_of: ['tcp', 'http', 'https', 'grpc', 'grpcs'], default: 'http' });
const failures = { tcp_failures: count, http_failures: count, timeouts: count };

const passive = part(
  {
    type: probe,
    healthy: part({ successes: count, http_statuses: statuses(GOOD) }, PASSIVE.healthy),
    unhealthy: part({ ...failures, http_statuses: statuses([429, 500, 503]) }, PASSIVE.unhealthy),
  },
  PASSIVE,
);

const active = part(
  {
    http_path: path({ default: '/' }),
    https_sni: text({ required: false }),
    https_verify_certificate: toggle(true),
    healthy: part({ http_statuses: statuses([200, 302]), interval: seconds(0), successes: count }, ACTIVE.healthy),
    unhealthy: part({ ...failures, http_statuses: statuses(BAD), interval: seconds(0) }, ACTIVE.unhealthy),
    headers: map(text({ len_min: 1 }), list(text()), { required: false, only: '3.9.1' }),
    type: probe,
    timeout: seconds(1),
    concurrency: integer({ between: [1, 2147483648], default: 10 }),
  },
  ACTIVE,
);

const needs = (if_field: string, kind: string, then_field: string): Check => ({
  conditional: { if_field, if_match: { match: `^${kind}$` }, then_field, then_match: { required: true } },
});
const fallbacks = (kind: string, one_of: readonly string[]): Check => ({
  conditional: {
    if_field: 'hash_on',
    if_match: { match: `^${kind}$` },
    then_field: 'hash_fallback',
    then_match: { one_of },
  },
});

const since3 = { only: '3.9.1' } as const;
const word = (rest: Partial<Field> = {}): Field => text({ len_min: 1, ...rest });
const hash = (one_of: string[], only: '2.8.5' | '3.9.1'): Field => word({ one_of, default: 'none', only });

export const upstreams: EntityKind = {
  name: 'upstreams',
  path: 'upstreams',
  endpointKey: 'name',
  unique: { upstreams_ws_id_name_unique: ['name'] },
  fields: {
    ...created,
    name: name({ required: true, custom: checkHost }),
    updated_at: integer({ timestamp: true, auto: true, ...since3 }),
    'algorithm@2': word({
      one_of: ['consistent-hashing', 'least-connections', 'round-robin'],
      default: 'round-robin',
      only: '2.8.5',
    }),
    'algorithm@3': word({
      one_of: ['consistent-hashing', 'least-connections', 'round-robin', 'latency'],
      default: 'round-robin',
      ...since3,
    }),
    'hash_on@2': hash(HASH_2, '2.8.5'),
    'hash_on@3': hash(HASH_3, '3.9.1'),
    'hash_fallback@2': hash(HASH_2, '2.8.5'),
    'hash_fallback@3': hash(HASH_3, '3.9.1'),
    hash_on_header: word(),
    hash_fallback_header: word(),
    hash_on_cookie: text(),
    hash_on_cookie_path: path({ len_min: 1, default: '/', match_none: noEmptySegments }),
    hash_on_query_arg: word(since3),
    hash_fallback_query_arg: word(since3),
    hash_on_uri_capture: word(since3),
    hash_fallback_uri_capture: word(since3),
    slots: integer({ default: 10000, between: [10, 65536] }),
    healthchecks: part(
      { passive, active, threshold: decimal({ default: 0, between: [0, 100] }) },
      { active: ACTIVE, passive: PASSIVE },
    ),
    tags,
    host_header: text(),
    client_certificate: foreign('certificates'),
    use_srv_name: flag({ default: false, ...since3 }),
  },
  checks: [
    needs('hash_on', 'header', 'hash_on_header'),
    needs('hash_fallback', 'header', 'hash_fallback_header'),
    needs('hash_on', 'cookie', 'hash_on_cookie'),
    needs('hash_fallback', 'cookie', 'hash_on_cookie'),
    fallbacks('none', ['none']),
    fallbacks('cookie', ['none']),
    fallbacks('consumer', ['none', 'ip', 'header', 'cookie', 'path', 'query_arg', 'uri_capture']),
    fallbacks('ip', ['none', 'consumer', 'header', 'cookie', 'path', 'query_arg', 'uri_capture']),
    fallbacks('path', ['none', 'consumer', 'header', 'cookie', 'query_arg', 'ip', 'uri_capture']),
    { distinct: ['hash_on_header', 'hash_fallback_header'] },
    needs('hash_on', 'query_arg', 'hash_on_query_arg'),
    needs('hash_fallback', 'query_arg', 'hash_fallback_query_arg'),
    { distinct: ['hash_on_query_arg', 'hash_fallback_query_arg'] },
    needs('hash_on', 'uri_capture', 'hash_on_uri_capture'),
    needs('hash_fallback', 'uri_capture', 'hash_fallback_uri_capture'),
    { distinct: ['hash_on_uri_capture', 'hash_fallback_uri_capture'] },
  ],
};

export const targets: EntityKind = {
  name: 'targets',
  path: 'targets',
  endpointKey: 'target',
  unique: { targets_cache_key_key: ['target', 'upstream'] },
  cacheKey: (target, workspace, version) =>
    version === '2.8.5'
      ? null
      : cacheKeyOf('targets', [target['upstream'] ?? null, target['target'] ?? null], workspace),
  fields: {
    ...createdWithFraction,
    upstream: foreign('upstreams', { required: true, on_delete: 'cascade' }),
    target: text({ required: true, len_min: 1 }),
    weight: integer({ default: 100, between: [0, 65535] }),
    tags,
  },
  // A target without a port is stored with Kong's default one.
  expand: (given) =>
    typeof given['target'] === 'string' && /^[\w.-]+$/.test(given['target'])
      ? { ...given, target: `${given['target']}:8000` }
      : given,
};

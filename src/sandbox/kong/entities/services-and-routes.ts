import {
  checkHost,
  createdAndUpdated,
  milliseconds,
  name,
  noEmptySegments,
  path,
  port,
  PROTOCOLS,
  tags,
} from '../schema/common.ts';
import type { Check, Field, Json } from '../schema/field.ts';
import { foreign, integer, list, map, record, set, text, toggle, flag } from '../schema/field.ts';
import { asText, type Entity } from '../schema/fill.ts';
import type { EntityKind } from './entity.ts';

const protocol = (rest: Partial<Field> = {}): Field =>
  text({ one_of: [...PROTOCOLS], required: true, len_min: 1, ...rest });

const nullUnless = (allowed: readonly string[], then_field: string): Check => ({
  conditional: { if_field: 'protocol', if_match: { not_one_of: allowed }, then_field, then_match: { eq: null } },
});

export const services: EntityKind = {
  name: 'services',
  path: 'services',
  endpointKey: 'name',
  unique: { services_ws_id_name_unique: ['name'] },
  fields: {
    ...createdAndUpdated,
    name: name(),
    retries: integer({ default: 5, between: [0, 32767] }),
    protocol: protocol({ default: 'http' }),
    host: text({ required: true, len_min: 1, custom: checkHost }),
    port: port({ required: true, default: 80 }),
    path: path({ len_min: 1 }),
    connect_timeout: milliseconds(60000),
    write_timeout: milliseconds(60000),
    read_timeout: milliseconds(60000),
    tags,
    client_certificate: foreign('certificates'),
    tls_verify: flag(),
    tls_verify_depth: integer({ default: null, between: [0, 64] }),
    ca_certificates: list(text({ uuid: true })),
    enabled: toggle(true),
  },
  checks: [
    {
      conditional: {
        if_field: 'protocol',
        if_match: { one_of: ['tcp', 'tls', 'udp', 'grpc', 'grpcs'] },
        then_field: 'path',
        then_match: { eq: null },
      },
    },
    nullUnless(['https', 'tls'], 'client_certificate'),
    nullUnless(['https', 'tls'], 'tls_verify'),
    nullUnless(['https', 'tls'], 'tls_verify_depth'),
    nullUnless(['https', 'tls'], 'ca_certificates'),
  ],
  expand: expandUrl,
};

/** `url` is a short way to write protocol, host, port and path; Kong never shows it. */
function expandUrl(given: Entity): Entity {
  const { url, ...rest } = given;
  if (typeof url !== 'string' || !URL.canParse(url)) return given;
  const parts = new URL(url);
  const scheme = parts.protocol.slice(0, -1);
  return {
    ...rest,
    protocol: scheme,
    host: parts.hostname,
    port: parts.port === '' ? (scheme === 'https' ? 443 : 80) : Number(parts.port),
    path: /\/\/[^/]+\//.test(url) ? parts.pathname : null,
  };
}

const address: Field = set(
  record({ ip: text(), port: port() }, { entity_checks: [{ at_least_one_of: ['ip', 'port'] }] }),
);

const HTTP = ['methods', 'hosts', 'headers', 'paths'];
const STREAM = ['sources', 'destinations'];
const GRPC = ['hosts', 'headers', 'paths'];

/** A route must say what it matches; what counts depends on its protocol. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  http: HTTP,
  https: [...HTTP, 'snis'],
  tcp: STREAM,
  udp: STREAM,
  tls: [...STREAM, 'snis'],
  tls_passthrough: ['snis'],
  grpc: GRPC,
  grpcs: [...GRPC, 'snis'],
};

function mustMatchSomething(route: Entity): string | null {
  for (const one of (route['protocols'] as Json[] | null) ?? []) {
    const needed = NEEDED[asText(one)] ?? [];
    if (needed.some((field) => !isEmpty(route[field] ?? null))) continue;
    const names = needed.map((field) => `'${field}'`).join(', ');
    return `must set one of ${names} when 'protocols' is '${asText(one)}'`;
  }
  return null;
}

function isEmpty(value: Json): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}

const pathItem = { required: true, match_none: noEmptySegments, len_min: 1 } as const;

export const routes: EntityKind = {
  name: 'routes',
  path: 'routes',
  endpointKey: 'name',
  unique: { routes_ws_id_name_unique: ['name'] },
  fields: {
    ...createdAndUpdated,
    name: name(),
    protocols: set(protocol(), {
      required: true,
      len_min: 1,
      default: ['http', 'https'],
      mutually_exclusive_subsets: [['http', 'https'], ['tcp', 'tls', 'udp'], ['tls_passthrough'], ['grpc', 'grpcs']],
    }),
    https_redirect_status_code: integer({ required: true, default: 426, one_of: [426, 301, 302, 307, 308] }),
    strip_path: toggle(true),
    preserve_host: toggle(false),
    request_buffering: toggle(true),
    response_buffering: toggle(true),
    tags,
    service: foreign('services'),
    snis: set(text()),
    sources: address,
    destinations: address,
    methods: set(text({ required: true, match: '^%u+$', len_min: 1 })),
    hosts: list(
      text({
        required: true,
        len_min: 1,
        match_all: [{ pattern: '^[^*]*%*?[^*]*$', err: 'invalid wildcard: must have at most one wildcard' }],
        match_any: {
          patterns: ['^%*%.', '%.%*$', '^[^*]*$'],
          err: 'invalid wildcard: must be placed at leftmost or rightmost label',
        },
      }),
    ),
    'paths@2': list(text({ ...pathItem, starts_with: '/' }), { only: '2.8.5' }),
    'paths@3': list(
      text({
        ...pathItem,
        match_any: { patterns: ['^/', '^~/'], err: 'should start with: / (fixed path) or ~/ (regex path)' },
      }),
      { only: '3.9.1' },
    ),
    headers: map(
      text({
        required: true,
        len_min: 1,
        match_none: [
          {
            pattern: '^[Hh][Oo][Ss][Tt]$',
            err: "cannot contain 'host' header, which must be specified in the 'hosts' attribute",
          },
        ],
      }),
      list(text({ required: true, len_min: 1 }), { required: true }),
    ),
    regex_priority: integer({ default: 0 }),
    path_handling: text({ one_of: ['v0', 'v1'], len_min: 1, default: 'v0' }),
  },
  checks: [
    {
      conditional: {
        if_field: 'protocols',
        if_match: {
          elements: text({ not_one_of: ['grpcs', 'https', 'tls', 'tls_passthrough'], len_min: 1, required: true }),
        },
        then_field: 'snis',
        then_match: { len_eq: 0 },
        then_err: "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'",
      },
    },
    { custom_entity_check: { field_sources: ['path_handling'] } },
    {
      custom_entity_check: {
        run_with_missing_fields: true,
        // `expression` and `priority` belong to the expression router, which the recorded node does not run.
        field_sources: [
          'id',
          'protocols',
          'snis',
          'sources',
          'destinations',
          'methods',
          'hosts',
          'paths',
          'headers',
          'expression',
          'regex_priority',
          'priority',
        ],
      },
      run: mustMatchSomething,
    },
  ],
};

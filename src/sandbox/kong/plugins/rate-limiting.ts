import { noEmptySegments, port } from '../schema/common.ts';
import type { Check, Field, Fields } from '../schema/field.ts';
import { decimal, flag, integer, record, text, toggle } from '../schema/field.ts';
import type { Plugin } from './plugin.ts';
import { httpOnly } from './plugin.ts';

const PERIODS = ['second', 'minute', 'hour', 'day', 'month', 'year'] as const;

const limits: Fields = Object.fromEntries(PERIODS.map((period) => [period, decimal({ gt: 0 })]));

const redis: Field = record(
  {
    host: text(),
    port: port({ default: 6379 }),
    timeout: integer({ default: 2000, between: [0, 2147483646] }),
    username: text({ referenceable: true }),
    password: text({ referenceable: true, encrypted: true, len_min: 0 }),
    database: integer({ default: 0 }),
    ssl: flag({ required: false, default: false }),
    ssl_verify: flag({ required: false, default: false }),
    server_name: text({ required: false }),
  },
  { required: true, only: '3.9.1' },
);

/** Version 3.6 moved `redis_*` into a record; the old names are still read, written and shown. */
const moved = (type: Field['type'], name: string, rest: Partial<Field> = {}): Fields => ({
  [`redis_${name}`]: {
    type,
    ...rest,
    only: '3.9.1',
    deprecation: {
      replaced_with: [{ path: ['redis', name] }],
      message: `rate-limiting: config.redis_${name} is deprecated, please use config.redis.${name} instead`,
      removal_in_version: '4.0',
    },
  },
});

const before3: Fields = {
  redis_host: text({ only: '2.8.5' }),
  redis_port: port({ default: 6379, only: '2.8.5' }),
  redis_password: text({ referenceable: true, len_min: 0, only: '2.8.5' }),
  redis_username: text({ referenceable: true, only: '2.8.5' }),
  redis_ssl: toggle(false, { only: '2.8.5' }),
  redis_ssl_verify: toggle(false, { only: '2.8.5' }),
  redis_server_name: text({ only: '2.8.5' }),
  redis_timeout: decimal({ default: 2000, only: '2.8.5' }),
  redis_database: integer({ default: 0, only: '2.8.5' }),
};

const neededWhen = (if_field: string, eq: string, then_field: string): Check => ({
  conditional: { if_field, if_match: { eq }, then_field, then_match: { required: true } },
});

export const rateLimiting: Plugin = {
  protocols: httpOnly,
  config: {
    ...limits,
    limit_by: text({ default: 'consumer', one_of: ['consumer', 'credential', 'ip', 'service', 'header', 'path'] }),
    header_name: text(),
    path: text({ starts_with: '/', match_none: noEmptySegments }),
    'policy@2': text({ one_of: ['local', 'cluster', 'redis'], default: 'cluster', len_min: 0, only: '2.8.5' }),
    'policy@3': text({ one_of: ['local', 'cluster', 'redis'], default: 'local', len_min: 0, only: '3.9.1' }),
    fault_tolerant: toggle(true),
    ...before3,
    redis,
    hide_client_headers: toggle(false),
    error_code: decimal({ default: 429, gt: 0, only: '3.9.1' }),
    error_message: text({ default: 'API rate limit exceeded', only: '3.9.1' }),
    sync_rate: decimal({ required: true, default: -1, only: '3.9.1' }),
  },
  shorthand: {
    ...moved('string', 'host'),
    ...moved('integer', 'port'),
    ...moved('string', 'password', { len_min: 0 }),
    ...moved('string', 'username'),
    ...moved('boolean', 'ssl'),
    ...moved('boolean', 'ssl_verify'),
    ...moved('string', 'server_name'),
    ...moved('integer', 'timeout'),
    ...moved('integer', 'database'),
  },
  checks: [
    { at_least_one_of: PERIODS.map((period) => `config.${period}`) },
    neededWhen('config.policy', 'redis', 'config.redis.host'),
    neededWhen('config.policy', 'redis', 'config.redis.port'),
    neededWhen('config.policy', 'redis', 'config.redis.timeout'),
    neededWhen('config.limit_by', 'header', 'config.header_name'),
    neededWhen('config.limit_by', 'path', 'config.path'),
  ],
};
